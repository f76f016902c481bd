"""Rows of a batch in the store: taken out to be answered, put back with their end."""

import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator

from dwbatch.local.claims import Finish
from dwbatch.local.views import OUTPUT

# What a result line holds beside the body, about: enough for a file's size,
# which the real server only estimates too.
_LINE_AROUND_BYTES = 140


def save(db: sqlite3.Connection, finished: Iterable[Finish]) -> None:
    """Store the ends of rows, their bills and their batches' counts, in one transaction."""
    finished = list(finished)
    db.executemany(
        "INSERT INTO result (batch, line, custom_id, kind, status_code, body) VALUES (?, ?, ?, ?, ?, ?)",
        [
            (one.claim.batch, one.claim.line, one.claim.custom_id, one.kind, one.status_code, one.body)
            for one in finished
        ],
    )
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
    sums: dict[int, list[int]] = {}
    for one in finished:
        of_batch = sums.setdefault(one.claim.batch, [0, 0, 0, 0])
        of_batch[one.kind != OUTPUT] += 1
        of_batch[2 + (one.kind != OUTPUT)] += len(one.body) + _LINE_AROUND_BYTES
    db.executemany(
        "UPDATE batch SET completed = completed + ?, failed = failed + ?, output_bytes = output_bytes + ?, "
        "error_bytes = error_bytes + ? WHERE seq = ?",
        [(*of_batch, batch) for batch, of_batch in sums.items()],
    )


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
    for (line,) in db.execute("SELECT line FROM result WHERE batch = ?", (batch["seq"],)):
        done[line] = 1
    for line in in_flight:
        done[line] = 1
    return _zeros(done)


def _zeros(done: bytearray) -> Iterator[int]:
    line = done.find(0)
    while line >= 0:
        yield line
        line = done.find(0, line + 1)
