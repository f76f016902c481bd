"""A batch from its file to its end: validated, run, and brought to one of four ends."""

import sqlite3
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from dwbatch.local import result_slabs, slabs
from dwbatch.local.ids import RowIds
from dwbatch.local.lines import Request
from dwbatch.local.openai.objects import FINAL, new_file_id, status
from dwbatch.local.openai.validating import Inspection
from dwbatch.local.rows import owed
from dwbatch.local.service import Service
from dwbatch.local.settling import failure
from dwbatch.local.views import ERROR, OUTPUT, PURPOSES

EXPIRED, CANCELLED = "batch_expired", "batch_cancelled"

_SLAB = 1000


def validate(service: Service, db: sqlite3.Connection, batch: sqlite3.Row) -> bool:
    """Read a batch's file; True if its rows are ready to run, else it has failed and says why."""
    if batch["cancelling_at"] is not None:
        db.execute("UPDATE batch SET populate_at = NULL WHERE seq = ?", (batch["seq"],))
        return False
    inspection = Inspection(endpoint=batch["endpoint"], limits=service.limits, models=service.account.models)
    db.execute("SAVEPOINT inspection")
    accepted = inspection.requests(_lines(service.raw_file(batch["input_file"])))
    first, models = slabs.keep(db, _packed(accepted))
    total = sum(figures["count"] for figures in models.values())
    now = int(time.time())
    if inspection.faults:
        db.execute("ROLLBACK TO inspection")
        errors = {"object": "list", "data": [fault.view() for fault in inspection.faults]}
        db.execute(
            "UPDATE batch SET failed_at = ?, errors = ?, populate_at = NULL WHERE seq = ?",
            (now, msgspec.json.encode(errors).decode(), batch["seq"]),
        )
    else:
        db.execute(
            "UPDATE batch SET first_request = ?, total = ?, models = ?, in_progress_at = ?, populate_at = NULL "
            "WHERE seq = ?",
            (first, total, msgspec.json.encode(models).decode(), now, batch["seq"]),
        )
    db.execute("RELEASE inspection")
    return not inspection.faults


def _packed(requests: Iterator[Request]) -> Iterator[slabs.Slab]:
    while slab := list(islice(requests, _SLAB)):
        yield slabs.pack(slab)


def _lines(path: Path) -> Iterator[bytes]:
    if path.is_file():
        with path.open("rb") as file:
            yield from file


def settle(service: Service, batch: sqlite3.Row) -> sqlite3.Row:
    """The batch, brought to its end if its end has come, as every look at it does."""
    if not _is_due(batch):
        return batch
    # Before the store is written to: the runner writes with its own lock held.
    service.runner.drop(batch["seq"])
    with service.store.writing() as db:
        fresh = _again(db, batch)
        if _is_due(fresh):
            _end(db, fresh)
        return _again(db, batch)


def _again(db: sqlite3.Connection, batch: sqlite3.Row) -> sqlite3.Row:
    found: sqlite3.Row = db.execute("SELECT * FROM batch WHERE seq = ?", (batch["seq"],)).fetchone()
    return found


def _is_due(batch: sqlite3.Row) -> bool:
    word = status(batch)
    if word in FINAL or (word == "validating" and not _is_late(batch)):
        return False
    return word == "cancelling" or _is_over(batch) or _is_late(batch)


def _is_over(batch: sqlite3.Row) -> bool:
    return batch["in_progress_at"] is not None and batch["completed"] + batch["failed"] == batch["total"]


def _is_late(batch: sqlite3.Row) -> bool:
    late: bool = time.time() > batch["expires_at"]
    return late


def _end(db: sqlite3.Connection, batch: sqlite3.Row) -> None:
    now = int(time.time())
    if status(batch) == "cancelling":
        _close_rows(db, batch, CANCELLED)
        db.execute("UPDATE batch SET cancelled_at = ? WHERE seq = ?", (now, batch["seq"]))
    elif _is_over(batch):
        db.execute(
            "UPDATE batch SET finalizing_at = ?, completed_at = ? WHERE seq = ?", (now, now, batch["seq"])
        )
    else:
        _close_rows(db, batch, EXPIRED)
        db.execute(
            "UPDATE batch SET finalizing_at = ?, expired_at = ? WHERE seq = ?", (now, now, batch["seq"])
        )
    _make_files(db, batch, now)


def _close_rows(db: sqlite3.Connection, batch: sqlite3.Row, reason: str) -> None:
    left, lookup, first = list(owed(db, batch)), slabs.Lookup(), batch["first_request"]
    ids, why = RowIds(batch["id"]), failure(reason)
    ended = (
        (line, result_slabs.line(ids.of(line), lookup.request(db, first + line).custom_id, ERROR, 0, why))
        for line in left
    )
    result_slabs.keep(db, batch["seq"], ERROR, ended)


def _make_files(db: sqlite3.Connection, batch: sqlite3.Row, now: int) -> None:
    """A file of each kind of which there are any lines; no other."""
    for kind, word in ((OUTPUT, "output"), (ERROR, "error")):
        count, size = result_slabs.size(db, batch["seq"], kind)
        if count:
            db.execute(
                "INSERT INTO file (id, filename, purpose, bytes, created_at, owner, batch) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    new_file_id(),
                    f"{batch['id']}_{word}.jsonl",
                    PURPOSES[kind],
                    size,
                    now,
                    batch["owner"],
                    batch["seq"],
                ),
            )
