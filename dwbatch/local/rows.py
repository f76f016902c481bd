"""Rows of a batch in the store: taken out to be answered, put back with their end."""

import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator

from dwbatch.local import result_slabs
from dwbatch.local.claims import Finish
from dwbatch.local.views import OUTPUT


def save(db: sqlite3.Connection, finished: Iterable[Finish]) -> None:
    """Store the ends of rows, their bills and their batches' counts, in one transaction."""
    finished = list(finished)
    db.executemany(
        "INSERT INTO bill (batch, line, model, body_sha256, status_code, prompt_tokens, completion_tokens, "
        "billed_at, duration_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                one.claim.batch,
                one.claim.line,
                one.model,
                one.body_sha256,
                one.status_code,
                one.prompt_tokens,
                one.completion_tokens,
                one.finished_at,
                one.duration_ms,
            )
            for one in finished
            if one.is_billed
        ],
    )
    of_files: dict[tuple[int, int], list[Finish]] = {}
    for one in finished:
        of_files.setdefault((one.claim.batch, one.kind), []).append(one)
    for (batch, kind), ended in of_files.items():
        size = result_slabs.keep(db, batch, kind, ((one.claim.line, _line(one)) for one in ended))
        counts, sizes = ("completed", "output_bytes") if kind == OUTPUT else ("failed", "error_bytes")
        db.execute(
            f"UPDATE batch SET {counts} = {counts} + ?, {sizes} = {sizes} + ? WHERE seq = ?",  # noqa: S608 - two of the names above
            (len(ended), size, batch),
        )


def _line(one: Finish) -> bytes:
    return result_slabs.line(one.claim.row_id, one.claim.custom_id, one.kind, one.status_code, one.body)


def stamp(db: sqlite3.Connection, batch: sqlite3.Row) -> None:
    """Give a batch whose rows are all over its terminal times, as every GET does."""
    now = int(time.time())
    if batch["failed"] == batch["total"]:
        db.execute("UPDATE batch SET failed_at = ? WHERE seq = ? AND failed_at IS NULL", (now, batch["seq"]))
    else:
        db.execute(
            "UPDATE batch SET finalizing_at = ?, completed_at = ? WHERE seq = ? AND completed_at IS NULL",
            (now, now, batch["seq"]),
        )


def owed(db: sqlite3.Connection, batch: sqlite3.Row, in_flight: Collection[int] = ()) -> Iterator[int]:
    """Lines of a batch that have no result and are not being answered, in order."""
    done = bytearray(batch["total"])
    for line in result_slabs.over(db, batch["seq"]):
        done[line] = 1
    for line in in_flight:
        done[line] = 1
    return _zeros(done)


def _zeros(done: bytearray) -> Iterator[int]:
    line = done.find(0)
    while line >= 0:
        yield line
        line = done.find(0, line + 1)
