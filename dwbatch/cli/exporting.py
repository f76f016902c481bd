"""``dwbatch export``: the requests of a table, or the results of a job, as JSONL."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa

from dwbatch.before.cutting import cut_up
from dwbatch.call import custom_ids_of
from dwbatch.checkpoint.disk import Disk, write_atomically
from dwbatch.cli import words
from dwbatch.cli.codes import OK, STILL_RUNNING
from dwbatch.cli.jobs import attached
from dwbatch.cli.rows import asked
from dwbatch.cli.screen import plain, screen_of
from dwbatch.cli.streams import turn_away
from dwbatch.errors import InputError
from dwbatch.parquet.calling import FilesCall

REQUESTS_EXAMPLE = "dwbatch export requests reviews.parquet requests.jsonl --model Qwen/Qwen3.5-35B-A3B-FP8 --prompt 'Positive? {text}'"
RESULTS_EXAMPLE = "dwbatch export results answers.parquet results.jsonl"
STDOUT = "-"


def export(arguments: list[str]) -> int:
    """Write requests or results as JSONL."""
    parser = words.parser_of(
        "export", "Write the requests of a table, or the results of a job, as JSONL.", RESULTS_EXAMPLE
    )
    parser.add_argument("what", choices=KINDS, help="`dwbatch export WHAT --help` tells more")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    return KINDS[options.what](options.arguments)


def requests(arguments: list[str]) -> int:
    """Write the request file of a table."""
    parser = words.parser_of(
        "export requests",
        "Write the request file of a table, ready for any batch API. Nothing is sent. What is too large for one "
        "batch goes to files of their own.",
        REQUESTS_EXAMPLE,
    )
    words.add_tables(parser, "the request file; an older one is replaced")
    words.add_asking(parser)
    words.add_sending(parser)
    words.add_output(parser)
    options = parser.parse_args(arguments)
    target = Path(options.destination)
    with (
        screen_of(options) as screen,
        asked(options, command="export", destination=f"{target}.parquet", sends=False) as (call, _),
    ):
        paths = list(_write_requests(call, target))
        screen.show(
            f"{len(call.asked):,} requests",
            {"files": ", ".join(map(str, paths))},
            {"requests": len(call.asked), "files": [str(path) for path in paths]},
        )
    return OK


def _write_requests(call: FilesCall, target: Path) -> Iterator[Path]:
    cut = cut_up(call, call.asked)
    for number, span in enumerate(cut.files, start=1):
        path = (
            target if len(cut.files) == 1 else target.with_name(f"{target.stem}-{number:05d}{target.suffix}")
        )
        part = cut.requests.part(span)
        table = pa.table(
            {
                "custom_id": custom_ids_of(call, part).cast(pa.string()),
                "request_key": part.keys,
                "position": pa.array(part.positions, pa.int64()),
            }
        )
        write_atomically(Disk(), path, _lines_of(call, table))
        yield path


def _lines_of(call: FilesCall, table: pa.Table) -> Callable[[BinaryIO], None]:
    return lambda file: file.writelines(slab.payload for slab in call.source.lines(table))


def results(arguments: list[str]) -> int:
    """Write the results of a job."""
    parser = words.parser_of(
        "export results",
        "Write what a job has answered so far, a line a request: its custom_id, how it ended, and the answer. Ends with "
        "75 while some are pending.",
        RESULTS_EXAMPLE,
    )
    parser.add_argument("job", metavar="JOB", help="as for `dwbatch status`")
    parser.add_argument(
        "destination", metavar="DEST", help="a file, replaced if it is there; or - for stdout"
    )
    words.add_server(parser)
    words.add_output(parser)
    options = parser.parse_args(arguments)
    with screen_of(options) as screen:
        job = attached(options)
        frame = job.partial()
        _write(options.destination, frame)
        pending = int((frame["response_status"] == "pending").sum())
        if options.destination != STDOUT:
            counts = frame["response_status"].value_counts().to_dict()
            screen.show(
                f"{len(frame):,} results",
                counts | {"file": options.destination},
                {"results": len(frame), **counts},
            )
    return STILL_RUNNING if pending else OK


def _write(destination: str, frame: pd.DataFrame) -> None:
    shown = frame.rename(columns=lambda name: str(name).removeprefix("response_"))
    lines = (
        json.dumps(dict(zip(shown.columns, map(plain, row), strict=True)), ensure_ascii=False) + "\n"
        for row in shown.itertuples(index=False, name=None)
    )
    if destination == STDOUT:
        try:
            sys.stdout.writelines(lines)
            sys.stdout.flush()
        except BrokenPipeError:
            turn_away(sys.stdout)
        return
    path = Path(destination)
    if path.is_dir():
        raise InputError(f"{destination!r} is a folder; give the name of a file.")
    write_atomically(Disk(), path, lambda file: file.writelines(line.encode() for line in lines))


KINDS = {"requests": requests, "results": results}
