"""``dwbatch run``: a table in, the same table with answers out."""

import argparse

from dwbatch.cli import words
from dwbatch.cli.codes import judged
from dwbatch.cli.rows import asked
from dwbatch.cli.screen import Screen, screen_of
from dwbatch.parquet.carrying import carry_out
from dwbatch.parquet.report import ParquetReport

EXAMPLE = (
    "dwbatch run reviews.parquet answers.parquet --model Qwen/Qwen3.5-35B-A3B-FP8 --prompt 'Positive? {text}'"
)


def run(arguments: list[str]) -> int:
    """Answer every row of a table."""
    options = _parser().parse_args(arguments)
    with (
        screen_of(options) as screen,
        asked(options, command="run", destination=options.destination) as (call, output),
    ):
        report = carry_out(call, output, tells=False)
        show_report(screen, report)
    return judged(report.not_ok, report.rows, options.max_failed)


def show_report(screen: Screen, report: ParquetReport) -> None:
    """What became of the rows."""
    verdict = f"{report.ok:,} of {report.rows:,} rows are ok"
    lines: dict[str, object] = {
        "not ok": report.codes,
        "requests sent": report.sent,
        "sent once more": report.resent or None,
        "batches adopted from the account": report.adopted or None,
        "saved by de-duplication": report.duplicates,
        "saved by the checkpoint": report.answered,
        "tokens": f"{report.prompt_tokens:,} prompt, {report.completion_tokens:,} completion",
        "answers": f"{report.destination}{_files(report)}",
        "checkpoint": report.checkpoint,
    }
    screen.show(screen.judged(verdict, is_good=not report.not_ok), lines, report.to_dict())


def _files(report: ParquetReport) -> str:
    return "" if len(report.files) == 1 else f" ({len(report.files):,} files)"


def _parser() -> argparse.ArgumentParser:
    parser = words.parser_of(
        "run",
        "Answer every row of a table, and write the rows with their answers as parquet. The same command again goes "
        "on where the last one stopped, and buys nothing twice. The cells of a CSV are all texts.",
        EXAMPLE,
    )
    words.add_tables(parser, "one file if it ends in .parquet, else a folder")
    parser.add_argument(
        "--if-exists",
        choices=["replace", "append"],
        help="what to do with a DEST that another command wrote (default: refuse)",
    )
    words.add_asking(parser)
    words.add_sending(parser)
    words.add_waiting(parser)
    words.add_output(parser)
    return parser
