"""The arguments that commands share, and what they mean to the library."""

import argparse
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from dwbatch.cli.codes import most_failed
from dwbatch.errors import InputError

# A terminal is at least this wide.
LINE = 78
# A key in the arguments would be shown to everybody who may list processes.
SECRETS = {"api_key", "session"}
# Flags of their own, by the keyword that each stands for.
FLAGS = {
    "model": "model",
    "system": "system",
    "name": "name",
    "completion_window": "window",
    "checkpoint": "checkpoint",
    "timeout": "timeout",
    "max_cost": "max_cost",
    "retry": "retry",
    "output": "output",
    "base_url": "base_url",
}


def parser_of(command: str, description: str, example: str) -> argparse.ArgumentParser:
    """A parser whose help ends with an example."""
    lines = "\n".join(f"  {_broken(line.strip())}" for line in example.strip().splitlines())
    return argparse.ArgumentParser(
        prog=f"dwbatch {command}",
        description=textwrap.fill(description, LINE),
        epilog=f"Example:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _broken(command: str) -> str:
    """A long command on two lines, as a shell takes it."""
    return command if len(command) <= LINE else command.replace(" --model ", " \\\n      --model ")


def add_output(parser: argparse.ArgumentParser) -> None:
    """What a command says, and how."""
    group = parser.add_argument_group("what it says")
    group.add_argument("--json", action="store_true", help="one JSON document on stdout, for programs")
    group.add_argument("--quiet", action="store_true", help="no progress and no report; errors are said")
    group.add_argument(
        "--log", choices=["json"], help="lines of JSON on stderr in place of progress, for a log"
    )


def add_server(parser: argparse.ArgumentParser) -> None:
    """Where the server is; the key is read from the environment alone."""
    parser.add_argument(
        "--base-url",
        metavar="URL",
        help="the server, or `local`; else $DOUBLEWORD_BASE_URL. The key is read from $DOUBLEWORD_API_KEY",
    )


def add_tables(parser: argparse.ArgumentParser, destination: str | None) -> None:
    """Which rows: parquet, or CSV and JSONL, which are read as stable columns first."""
    parser.add_argument(
        "source", nargs="+", metavar="SOURCE", help="parquet (file, folder, glob, URI), .csv, .tsv or .jsonl"
    )
    if destination:
        parser.add_argument("destination", metavar="DEST", help=destination)
    add_row_choice(parser)


def add_row_choice(parser: argparse.ArgumentParser) -> None:
    """Which rows and columns of a table count."""
    group = parser.add_argument_group("rows")
    group.add_argument("--columns", metavar="A,B", help="columns of the source to keep beside the answers")
    group.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="EXPR",
        help="only rows where this holds, as in 'stars <= 2'; may be repeated",
    )


def add_asking(parser: argparse.ArgumentParser) -> None:
    """What is asked of a row."""
    group = parser.add_argument_group("what is asked")
    group.add_argument("--model", metavar="NAME", help="the model, or a template such as '{model}'")
    prompt = group.add_mutually_exclusive_group()
    prompt.add_argument("--prompt", metavar="TEXT", help="template with {column} in it")
    prompt.add_argument("--prompt-file", type=Path, metavar="PATH", help="the same, read from a file")
    group.add_argument("--system", metavar="TEXT", help="template of a system message")
    group.add_argument(
        "--schema", type=Path, metavar="PATH", help="JSON schema that answers are held to: a column a field"
    )
    group.add_argument("--output", metavar="NAME", help="name of the answer column (default: response)")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other keyword of dwbatch.run, its value as JSON or else text: --set temperature=0",
    )


def add_sending(parser: argparse.ArgumentParser) -> None:
    """How it is bought."""
    group = parser.add_argument_group("how it is bought")
    group.add_argument("--name", help="the job's name, in file names and custom_ids")
    group.add_argument("--window", metavar="24h|1h", help="completion window (default: 24h)")
    group.add_argument("--checkpoint", metavar="FOLDER", help="where ids and answers are kept")
    group.add_argument("--max-cost", metavar="AMOUNT", help="buy nothing that would cost more, by the server")
    group.add_argument(
        "--retry", metavar="KINDS", help="rows to send again, as in transient,invalid; or none"
    )
    add_server(group)  # type: ignore[arg-type] # a group takes arguments as a parser does


def add_waiting(parser: argparse.ArgumentParser) -> None:
    """How long to wait, and what is good enough."""
    group = parser.add_argument_group("how long, how well")
    group.add_argument(
        "--timeout", metavar="TIME", help="longest wait, as in 8h; then exit code 75, and the batches run on"
    )
    add_judging(group)  # type: ignore[arg-type] # as above


def add_judging(parser: argparse.ArgumentParser) -> None:
    """How many rows may fail before the exit code says so."""
    parser.add_argument(
        "--max-failed",
        type=most_failed,
        default="0",
        metavar="N|P%",
        help="most rows that may be not ok, such as 10 or 1%%; else exit code 3 (default: 0)",
    )


def prompt_of(options: argparse.Namespace) -> str | None:
    """The prompt, wherever it stands."""
    if options.prompt_file is None:
        return None if options.prompt is None else str(options.prompt)
    return read_text(options.prompt_file, flag="--prompt-file")


def keywords(options: argparse.Namespace) -> dict[str, Any]:
    """The keywords of `dwbatch.run` that the arguments stand for.

    Raises
    ------
    InputError
        If one is said twice, or is none for the command line.
    """
    given: dict[str, Any] = {}
    for pair in getattr(options, "set", []):
        name, sign, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not sign or not name:
            raise InputError.nothing_sent(f"--set takes NAME=VALUE; got {pair!r}.")
        if name in SECRETS:
            raise InputError.nothing_sent(
                f"{name} is not for the command line, which others can read. Put the key into DOUBLEWORD_API_KEY."
            )
        given[name] = json_or_text(value)
    flags = {name: getattr(options, flag, None) for name, flag in FLAGS.items()}
    told = {name: READ.get(name, _same)(value) for name, value in flags.items() if value is not None}
    if getattr(options, "schema", None) is not None:
        told["response_format"] = read_json(options.schema, flag="--schema")
    twice = sorted(set(given) & set(told))
    if twice:
        raise InputError.nothing_sent(f"{', '.join(twice)} is said by a flag and by --set; say it once.")
    return {**told, **given, "progress": shows_progress(options)}


def _same(value: str) -> object:
    return value


def _kinds(value: str) -> object:
    return False if value in {"none", "false"} else value.split(",")


def duration(value: str) -> Any:
    """A time as the library takes it: bare numbers are seconds."""
    found = json_or_text(value)
    return value if isinstance(found, bool) else found


READ: Mapping[str, Callable[[str], object]] = {"retry": _kinds, "timeout": duration}


def shows_progress(options: argparse.Namespace) -> bool:
    """Whether a bar is drawn on stderr."""
    return not options.quiet and options.log is None


def json_or_text(value: str) -> Any:
    """A value as JSON has it, or else as the text that it is.

    Examples
    --------
    >>> json_or_text("0"), json_or_text("true"), json_or_text("low")
    (0, True, 'low')
    """
    try:
        return json.loads(value)
    except ValueError:
        return value


def read_json(path: Path, *, flag: str) -> Any:
    """What a JSON file holds."""
    try:
        return json.loads(read_text(path, flag=flag))
    except ValueError as error:
        raise InputError.nothing_sent(f"{flag}: {str(path)!r} is not JSON: {error}.") from error


def read_text(path: Path, *, flag: str) -> str:
    """A file of text; one newline at its end is the editor's, and no part of it."""
    try:
        return path.read_text(encoding="utf-8-sig").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError.nothing_sent(f"{flag}: {str(path)!r} cannot be read: {reason}.") from error


def columns_of(options: argparse.Namespace) -> Sequence[str] | None:
    """``--columns`` as a list."""
    return None if options.columns is None else [name.strip() for name in options.columns.split(",")]


def pretty(body: str) -> str:
    """JSON text with a line for each value."""
    return json.dumps(json.loads(body), indent=2, ensure_ascii=False)


def fields_of(value: Any) -> dict[str, object]:
    """The fields of a dataclass, one layer of them."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
