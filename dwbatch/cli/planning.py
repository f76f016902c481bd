"""Commands that say what a run would do, and spend nothing: preview, plan, estimate."""

import argparse

import pandas as pd
import pyarrow as pa

from dwbatch.before.estimate import Estimate, ask_price
from dwbatch.before.plan import Plan, plan_of
from dwbatch.before.preview import previewed
from dwbatch.cli import words
from dwbatch.cli.rows import asked, filters_of, options_of
from dwbatch.cli.screen import Screen, screen_of
from dwbatch.cli.tables import as_parquet
from dwbatch.opening import named_place
from dwbatch.parquet.files import Files, find_files

PREVIEW_EXAMPLE = (
    "dwbatch preview reviews.parquet --model Qwen/Qwen3.5-35B-A3B-FP8 --prompt 'Positive? {text}'"
)
PLAN_EXAMPLE = "dwbatch plan reviews.parquet answers.parquet --model Qwen/Qwen3.5-35B-A3B-FP8 --prompt 'Positive? {text}'"
ESTIMATE_EXAMPLE = "dwbatch estimate reviews.parquet answers.parquet --model Qwen/Qwen3.5-35B-A3B-FP8 --prompt 'Positive? {text}'"
WOULD_WRITE = "where the run with the same arguments writes; its checkpoint is looked at"


def preview(arguments: list[str]) -> int:
    """Show the first requests, word for word."""
    parser = words.parser_of(
        "preview", "Show the requests of the first rows, word for word. Nothing is sent.", PREVIEW_EXAMPLE
    )
    words.add_tables(parser, None)
    parser.add_argument("--rows", type=int, default=3, help="how many rows to show (default: 3)")
    words.add_asking(parser)
    words.add_sending(parser)
    words.add_output(parser)
    options = parser.parse_args(arguments)
    with screen_of(options) as screen, as_parquet(options.source, None) as sources:
        chosen = options_of(options, "preview")
        files = find_files(sources if len(sources) > 1 else sources[0], filters=filters_of(options) or None)
        frame = first_rows(files, options.rows)
        _show_requests(screen, previewed(frame, words.prompt_of(options), options.rows, chosen))
    return 0


def first_rows(files: Files, count: int) -> pd.DataFrame:
    """The first rows of some files, without reading more than their row groups."""
    batches: list[pa.RecordBatch] = []
    held = 0
    for block in files.blocks():
        for batch in files.read(block, files.schema.names):
            batches.append(batch.slice(0, count - held))
            held += len(batches[-1])
            if held >= count:
                break
        if held >= count:
            break
    frame: pd.DataFrame = pa.Table.from_batches(batches, schema=files.schema.remove_metadata()).to_pandas()
    return frame


def _show_requests(screen: Screen, shown: pd.DataFrame) -> None:
    if screen.is_json:
        screen.document(shown)
        return
    for row, (custom_id, body, skipped) in enumerate(shown.itertuples(index=False, name=None)):
        if body is None or body is pd.NA:
            screen.write([screen.bold(f"row {row}: no request ({skipped})")])
            continue
        screen.write([screen.bold(f"row {row}: {custom_id}"), words.pretty(body)])


def plan(arguments: list[str]) -> int:
    """Count what a run would do."""
    parser = _parser(
        "plan", "Say what a run would send, and what it would cost in tokens. Nothing is sent.", PLAN_EXAMPLE
    )
    options = parser.parse_args(arguments)
    with (
        screen_of(options) as screen,
        asked(options, command="plan", destination=options.destination, sends=False) as (call, _),
    ):
        planned = plan_of(call, named_place(call))
        screen.show(f"{planned.requests:,} requests to buy", plan_lines(planned), planned)
    return 0


def plan_lines(planned: Plan) -> dict[str, object]:
    """A plan, name by name."""
    there = "there" if planned.is_begun else "not made yet"
    return {
        "rows": planned.rows,
        "new": planned.new,
        "sent once more": planned.again or None,
        "answered already": planned.answered or None,
        "in flight": planned.in_flight or None,
        "duplicates": planned.duplicates or None,
        "skipped": planned.skipped,
        "batches": planned.shards,
        "bytes": planned.bytes,
        "prompt tokens, about": planned.tokens,
        "checkpoint": None if planned.checkpoint is None else f"{planned.checkpoint} ({there})",
    }


def estimate(arguments: list[str]) -> int:
    """Ask the server what a run would cost."""
    parser = _parser(
        "estimate",
        "Ask the server what a run would cost. The request files are uploaded for that, and nothing is bought; the "
        "run that follows does not upload them again.",
        ESTIMATE_EXAMPLE,
    )
    options = parser.parse_args(arguments)
    with (
        screen_of(options) as screen,
        asked(options, command="estimate", destination=options.destination) as (call, _),
    ):
        found = ask_price(call, tells=False)
        screen.show(_price(found), _estimate_lines(found), _estimate_document(found))
    return 0


def _price(found: Estimate) -> str:
    return f"{found.plan.requests:,} requests" + (", and the server tells no price" if found.is_guess else "")


def _estimate_lines(found: Estimate) -> dict[str, object]:
    windows: dict[str, object] = {
        f"{window} window": "unknown" if cost is None else f"{cost:f}" for window, cost in found.cost.items()
    }
    return {**windows, "batches": found.plan.shards, "prompt tokens, about": found.plan.tokens}


def _estimate_document(found: Estimate) -> dict[str, object]:
    models = found.models().reset_index()
    return {
        "cost": {window: None if cost is None else str(cost) for window, cost in found.cost.items()},
        "models": models,
        "plan": found.plan,
    }


def _parser(command: str, description: str, example: str) -> argparse.ArgumentParser:
    parser = words.parser_of(command, description, example)
    words.add_tables(parser, WOULD_WRITE)
    words.add_asking(parser)
    words.add_sending(parser)
    words.add_output(parser)
    return parser
