"""What a command prints: aligned lines for a person, one JSON document for a program."""

import argparse
import datetime as dt
import json
import logging
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, TextIO

import pandas as pd

from dwbatch.cli.streams import Complaints, JsonLines, turn_away

BOLD, RED, GREEN, PLAIN = "\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m"
GAP = "  "
# A file or a pipe has no width; a line of it is cut where no person would read on.
NO_TERMINAL = 200


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a command prints.

    Parameters
    ----------
    stream : TextIO
    is_json, is_quiet : bool
    has_colour : bool
    width : int
        Columns of the terminal.
    """

    stream: TextIO
    is_json: bool = False
    is_quiet: bool = False
    has_colour: bool = False
    width: int = NO_TERMINAL

    def show(self, title: str, lines: Mapping[str, object], document: object) -> None:
        """Print what came of a command.

        Parameters
        ----------
        title : str
            Its first line.
        lines : mapping of str to object
            What follows, by name; empty ones are left out.
        document : object
            The same for a program.
        """
        if self.is_json:
            self.document(document)
            return
        told = {name: shown(value) for name, value in lines.items() if value not in (None, "", {}, ())}
        width = max(map(len, told), default=0)
        self.write([self.bold(title), *(f"  {name:<{width}}  {text}" for name, text in told.items())])

    def table(self, frame: pd.DataFrame, *, empty: str) -> None:
        """Print a frame: columns aligned, numbers to the right, cut at the width of the terminal."""
        if self.is_json:
            self.document(frame)
        elif frame.empty:
            self.write([empty])
        else:
            head, *rows = aligned(frame, self.width)
            self.write([self.bold(head), *rows])

    def document(self, document: object) -> None:
        """Print one JSON document."""
        self.write([json.dumps(plain(document), ensure_ascii=False, indent=2)], always=True)

    def write(self, lines: Sequence[str], *, always: bool = False) -> None:
        """Print lines; the work is done, so a reader who has left is no fault."""
        if self.is_quiet and not always:
            return
        try:
            self.stream.write("".join(f"{line}\n" for line in lines))
            self.stream.flush()
        except OSError:
            turn_away(self.stream)

    def bold(self, text: str) -> str:
        """A headline."""
        return f"{BOLD}{text}{PLAIN}" if self.has_colour else text

    def judged(self, text: str, *, is_good: bool) -> str:
        """Good news in green, bad news in red."""
        return f"{GREEN if is_good else RED}{text}{PLAIN}" if self.has_colour else text


@contextmanager
def screen_of(options: argparse.Namespace) -> Iterator[Screen]:
    """Where a command with these arguments prints; its log goes to stderr for as long as that."""
    handler = None
    logger = logging.getLogger("dwbatch")
    if options.log and isinstance(sys.stderr, Complaints):
        sys.stderr.is_json = True
        handler = JsonLines(sys.stderr)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    is_terminal = sys.stdout.isatty()
    try:
        yield Screen(
            stream=sys.stdout,
            is_json=options.json,
            is_quiet=options.quiet,
            has_colour=is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
            width=_width() if is_terminal else NO_TERMINAL,
        )
    finally:
        if handler is not None:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)


def _width() -> int:
    try:
        return int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(sys.stdout.fileno()).columns
    except (ValueError, OSError):
        return 80


def shown(value: object) -> str:
    """A value for a person.

    Examples
    --------
    >>> shown(12345), shown({"http_400": 2}), shown(True)
    ('12,345', '2 http_400', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, Mapping):
        return ", ".join(f"{shown(count)} {name}" for name, count in value.items())
    return str(value)


def aligned(frame: pd.DataFrame, width: int) -> list[str]:
    """Lines of a table: its head, and a line a row."""
    cells = {str(name): [_cell(value) for value in frame[name]] for name in frame.columns}
    right = {str(name): pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns}
    widths = {name: max(len(name), *map(len, texts)) for name, texts in cells.items()}
    lines = [_line(list(cells), widths, right, width)]
    lines += [_line(list(row), widths, right, width) for row in zip(*cells.values(), strict=True)]
    return lines


def _line(texts: Sequence[str], widths: Mapping[str, int], right: Mapping[str, bool], width: int) -> str:
    padded = [
        text.rjust(widths[name]) if right[name] else text.ljust(widths[name])
        for text, name in zip(texts, widths, strict=True)
    ]
    line = GAP.join(padded).rstrip()
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _cell(value: object) -> str:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return " ".join(shown(value).split())


def plain(value: object) -> Any:
    """A value as JSON has it."""
    if isinstance(value, pd.DataFrame):
        names = [str(name) for name in value.columns]
        return [
            dict(zip(names, map(plain, row), strict=True)) for row in value.itertuples(index=False, name=None)
        ]
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(inner) for name, inner in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    return value if isinstance(value, bool | int | float | str | None) else str(value)
