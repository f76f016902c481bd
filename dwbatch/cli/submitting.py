"""``dwbatch submit``: buy, and come back at once."""

import argparse
from os import environ
from pathlib import Path

from dwbatch.cli import words
from dwbatch.cli.codes import OK
from dwbatch.cli.jobs import show_status
from dwbatch.cli.rows import asked
from dwbatch.cli.screen import screen_of
from dwbatch.cli.tables import JSONL, kind_of
from dwbatch.errors import InputError
from dwbatch.job.job import Job
from dwbatch.job.submitting import submit as submit_call
from dwbatch.request_files.door import submit_jsonl

EXAMPLE = """dwbatch submit reviews.parquet answers.parquet --model Qwen/Qwen3.5-35B-A3B-FP8 --prompt 'Positive? {text}'
dwbatch submit requests.jsonl --window 1h"""


def submit(arguments: list[str]) -> int:
    """Buy what a table or a request file asks for, without waiting."""
    options = _parser().parse_args(arguments)
    is_ready = _is_request_file(options)
    with screen_of(options) as screen:
        job = _of_request_file(options) if is_ready else _of_table(options)
        show_status(screen, job.status())
    return OK


def _is_request_file(options: argparse.Namespace) -> bool:
    """Whether what is asked stands in the file itself."""
    said = [pair.partition("=")[0].strip() for pair in options.set]
    asks = words.prompt_of(options) is not None or "messages" in said
    return not asks and len(options.places) == 1 and kind_of(options.places[0]) in JSONL


def _of_request_file(options: argparse.Namespace) -> Job:
    path = Path(options.places[0])
    if options.checkpoint is None and not environ.get("DWBATCH_HOME"):
        # Where `dwbatch status requests.jsonl` looks for it, from any working directory.
        options.checkpoint = f"{path}.dwbatch"
    return submit_jsonl(path, **words.keywords(options))


def _of_table(options: argparse.Namespace) -> Job:
    *options.source, destination = options.places
    if not options.source:
        raise InputError.nothing_sent(
            "Say where the answers of the table will go: dwbatch submit SOURCE DEST. Its checkpoint stands beside "
            "that, and `dwbatch run` with the same arguments writes it. (Of a request file alone no prompt is said.)"
        )
    with asked(options, command="submit", destination=destination) as (call, _):
        return submit_call(call)


def _parser() -> argparse.ArgumentParser:
    parser = words.parser_of(
        "submit",
        "Buy what a table asks for, and come back at once; `dwbatch run` with the same arguments fetches and writes. Or "
        "buy a ready request file (JSONL); `dwbatch wait` and `dwbatch export results` fetch that.",
        EXAMPLE,
    )
    parser.add_argument(
        "places",
        nargs="+",
        metavar="SOURCE... DEST",
        help="as for `dwbatch run`; or one request file (.jsonl)",
    )
    words.add_row_choice(parser)
    words.add_asking(parser)
    words.add_sending(parser)
    words.add_output(parser)
    return parser
