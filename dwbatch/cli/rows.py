"""Commands that ask something of every row of a table: run, submit, plan, estimate, preview, export."""

import argparse
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dwbatch.cli import words
from dwbatch.cli.tables import DELIMITERS, as_parquet, kind_of
from dwbatch.errors import InputError
from dwbatch.given import read_options
from dwbatch.options import Options
from dwbatch.parquet.calling import FilesCall
from dwbatch.parquet.carrying import Output
from dwbatch.parquet.destination import IfExists
from dwbatch.parquet.door import prepared

FILTER = re.compile(r"\s*(?P<name>[^<>=!]+?)\s*(?P<sign>==|!=|<=|>=|=|<|>)\s*(?P<value>.*\S)\s*\Z")
WORDY = re.compile(r"\s*(?P<name>.+?)\s+(?P<sign>not in|in)\s+(?P<value>\[.*\])\s*\Z")


@contextmanager
def asked(
    options: argparse.Namespace, *, command: str, destination: str, sends: bool = True
) -> Iterator[tuple[FilesCall, Output]]:
    """The call that the arguments stand for, checked and rendered.

    Parameters
    ----------
    options : argparse.Namespace
    command : str
        For the messages.
    destination : str
        Where it writes, or where it would.
    sends : bool
        Whether it will speak to the server.
    """
    chosen = options_of(options, command)
    if_exists: IfExists | None = getattr(options, "if_exists", None)
    with as_parquet(options.source, options.checkpoint or f"{destination}.dwbatch") as sources:
        yield prepared(
            sources[0] if len(sources) == 1 else sources,
            destination,
            words.prompt_of(options),
            chosen,
            columns=words.columns_of(options),
            filters=filters_of(options) or None,
            if_exists=if_exists,
            sends=sends,
        )


def options_of(options: argparse.Namespace, command: str) -> Options:
    """The options of the library's call.

    Raises
    ------
    InputError
        Naming all that is wrong with them.
    """
    given = words.keywords(options)
    if not given.get("model"):
        raise InputError.nothing_sent("Say which model is to answer: --model NAME.")
    return read_options(given, call=f"dwbatch {command}")


def filters_of(options: argparse.Namespace) -> list[tuple[str, str, Any]]:
    """``--filter`` as `pandas.read_parquet` takes it; all of them must hold.

    In a CSV every cell is a text, and so is what it is compared with.

    Raises
    ------
    InputError
        If one is no comparison.
    """
    found = []
    all_texts = all(kind_of(source) in DELIMITERS for source in options.source)
    for text in options.filter:
        match = WORDY.match(text) or FILTER.match(text)
        if match is None:
            raise InputError.nothing_sent(
                f'--filter takes a comparison such as \'stars <= 2\', "lang == en" or \'lang in ["en", "de"]\'; got {text!r}.'
            )
        sign = "==" if match["sign"] == "=" else match["sign"]
        value = words.json_or_text(match["value"])
        if all_texts and isinstance(value, bool | int | float):
            value = match["value"]
        found.append((match["name"], sign, value))
    return found
