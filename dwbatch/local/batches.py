"""Batches: made from a file, found, listed, cancelled, tried again, deleted."""

import json
import sqlite3
import time
from typing import Any

import msgspec

from dwbatch.local import files, ids, result_slabs
from dwbatch.local.account import NO_MONEY, Account, check, window_s
from dwbatch.local.limits import BACKGROUND, Limits
from dwbatch.local.lines import PATHS
from dwbatch.local.replies import Refusal
from dwbatch.local.rows import stamp
from dwbatch.local.views import ERROR, OUTPUT, PURPOSES, RESERVED, is_finished, status

FILTERS = ("in_progress", "completed", "failed", "cancelled", "expired")
_ACTIVE = "(cancelling_at IS NULL AND completed_at IS NULL AND failed_at IS NULL)"
# Further down a list that begins with the active ones.
_FURTHER = f"({_ACTIVE}, seq) < (SELECT {_ACTIVE}, seq FROM batch WHERE seq = ?)"  # noqa: S608 - a constant
NOTHING_TO_RETRY = "Nothing to retry: no failed or canceled requests, and the batch is not cancelled"


class Order(msgspec.Struct, frozen=True):
    """The body of a POST that makes a batch."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: dict[str, str] | None = None


def create(
    db: sqlite3.Connection,
    order: Order,
    *,
    account: Account,
    limits: Limits,
    owner: str,
    user_agent: str,
    populate_at: float,
) -> sqlite3.Row:
    """Store a new batch with its two files.

    Raises
    ------
    Refusal
        For the first of the server's checks that fails, in the server's order.
    """
    if order.completion_window == BACKGROUND:
        raise Refusal(
            403,
            "Insufficient permissions to Create background inference; "
            "assign the BackgroundInferenceUser role to submit this completion_window",
        )
    if order.completion_window not in limits.completion_windows:
        raise Refusal(
            400,
            f"Unsupported completion_window. Allowed values: {', '.join(limits.completion_windows)}",
        )
    if order.endpoint not in PATHS:
        raise Refusal(400, f"Unsupported endpoint '{order.endpoint}'. Supported: {', '.join(PATHS)}")
    if ids.parse(order.input_file_id) is None:
        raise Refusal(400, "Invalid input_file_id format")
    if account.balance is not None and account.balance < 0:
        raise Refusal(402, NO_MONEY)
    file = _input_file(db, order.input_file_id, owner)
    check(db, account, file=file, window=order.completion_window, owner=owner, limits=limits)
    stored = {
        name: value
        for name, value in (order.metadata or {}).items()
        if name.lower().replace("-", "_") not in RESERVED
    }
    if any("\x00" in text for pair in stored.items() for text in pair):
        # The real server's database cannot store a NUL, and says so with a 500.
        raise Refusal(500, "Internal server error")
    # These are stored too, so a search sees them although no answer shows them.
    stored |= {"request_source": "api", "created_by": owner, "dw_user_agent": user_agent[:256]}
    return _insert(db, order, file, stored, populate_at)


def _input_file(db: sqlite3.Connection, given: str, owner: str) -> sqlite3.Row:
    found = files.find_anyones(db, given)
    if found["owner"] != owner:
        # Everywhere else somebody else's file does not exist; only here does the real server tell.
        raise Refusal(403, f"Insufficient permissions to Create batch using file {given}")
    return found


def _insert(
    db: sqlite3.Connection, order: Order, file: sqlite3.Row, metadata: dict[str, str], populate_at: float
) -> sqlite3.Row:
    batch_id, now = ids.new(), int(time.time())
    seq = db.execute(
        "INSERT INTO batch (id, input_file, input_name, first_request, total, endpoint, completion_window, "
        "metadata, models, owner, created_at, expires_at, populate_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            batch_id,
            file["id"],
            file["filename"],
            file["first_request"],
            file["total"],
            order.endpoint,
            order.completion_window,
            _searched(metadata),
            file["models"],
            file["owner"],
            now,
            now + window_s(order.completion_window),
            populate_at,
        ),
    ).lastrowid
    for kind, word in ((OUTPUT, "output"), (ERROR, "error")):
        db.execute(
            "INSERT INTO file (id, filename, purpose, bytes, created_at, owner, batch) VALUES (?, ?, ?, 0, ?, ?, ?)",
            (ids.new(), f"batch-{batch_id}-{word}.jsonl", PURPOSES[kind], now, file["owner"], seq),
        )
    return find(db, batch_id, file["owner"])


def _searched(metadata: dict[str, str]) -> str:
    """Metadata as the real server's database writes it out, which is the text that a search looks into."""
    # PostgreSQL puts a space behind every sign, and short keys before long ones.
    ordered = sorted(metadata.items(), key=lambda pair: (len(pair[0].encode()), pair[0].encode()))
    return json.dumps(dict(ordered), ensure_ascii=False)


def populate(db: sqlite3.Connection, batch: sqlite3.Row) -> bool:
    """Make a batch's rows ready to run; False if it has none, or was cancelled before."""
    if batch["cancelling_at"] is not None or batch["is_deleted"]:
        # Its turn is over for good: not even a retry brings it back.
        db.execute("UPDATE batch SET populate_at = NULL WHERE seq = ?", (batch["seq"],))
        return False
    column = "in_progress_at" if batch["total"] else "failed_at"
    db.execute(
        f"UPDATE batch SET {column} = ?, populate_at = NULL WHERE seq = ?",  # noqa: S608 - one of two names above
        (int(time.time()), batch["seq"]),
    )
    return bool(batch["total"])


def find(db: sqlite3.Connection, given: str, owner: str) -> sqlite3.Row:
    """A batch by the id that a client gave.

    Raises
    ------
    Refusal
        400 if it is no UUID, 404 if there is no such batch of this owner.
    """
    batch_id = ids.parse(given)
    if batch_id is None:
        raise Refusal(400, "Invalid batch ID format")
    found: sqlite3.Row | None = db.execute(
        "SELECT * FROM batch WHERE id = ? AND owner = ? AND NOT is_deleted", (batch_id, owner)
    ).fetchone()
    if found is None:
        raise Refusal(404, f"Batch with ID {given} not found")
    return found


def files_of(db: sqlite3.Connection, batch: int) -> dict[int, str]:
    """Ids of a batch's output and error file that were not deleted."""
    kinds = {purpose: kind for kind, purpose in PURPOSES.items()}
    found = db.execute("SELECT id, purpose FROM file WHERE batch = ? AND NOT is_deleted", (batch,))
    return {kinds[row["purpose"]]: row["id"] for row in found}


def needs_stamp(batch: sqlite3.Row) -> bool:
    """Whether a GET is due to give the batch its terminal times."""
    return (
        is_finished(batch)
        and batch["cancelling_at"] is None
        and batch["completed_at"] is None
        and status(batch) in {"finalizing", "failed"}
        and (batch["failed_at"] is None or batch["failed"] != batch["total"])
    )


def finalise(db: sqlite3.Connection, batch: sqlite3.Row) -> sqlite3.Row:
    """The batch, with its terminal times set if its rows are all over."""
    if needs_stamp(batch):
        stamp(db, batch)
        found: sqlite3.Row = db.execute("SELECT * FROM batch WHERE seq = ?", (batch["seq"],)).fetchone()
        return found
    return batch


def sweep(db: sqlite3.Connection) -> None:
    """Give every batch whose rows are all over its terminal times, for those that nobody asks after."""
    over = db.execute(
        "SELECT * FROM batch WHERE in_progress_at IS NOT NULL AND completed + failed = total "
        "AND cancelling_at IS NULL AND completed_at IS NULL AND failed_at IS NULL"
    ).fetchall()
    for batch in over:
        finalise(db, batch)


def listed(
    db: sqlite3.Connection,
    owner: str,
    *,
    limit: int,
    after: str | None,
    search: str | None,
    status_filter: str | None,
    windows: tuple[str, ...] = (),
    created: tuple[float | None, float | None] = (None, None),
    is_active_first: bool = False,
) -> tuple[list[sqlite3.Row], bool]:
    """One page of batches, newest first, and whether more follow."""
    conditions, values = ["owner = ?", "NOT is_deleted"], list[Any]((owner,))
    if search is not None:
        conditions.append("(metadata LIKE ? OR input_name LIKE ? OR id LIKE ?)")
        values += [f"%{search}%"] * 3
    if status_filter is not None:
        conditions.append(_condition(status_filter))
    if windows:
        conditions.append(f"completion_window IN ({', '.join('?' * len(windows))})")
        values += windows
    for moment, operator in zip(created, (">=", "<="), strict=True):
        if moment is not None:
            conditions.append(f"created_at {operator} ?")
            values.append(moment)
    start = files.position(db, "batch", after)
    if start is not None:
        conditions.append(_FURTHER if is_active_first else "seq < ?")
        values.append(start)
    found = db.execute(
        f"SELECT * FROM batch WHERE {' AND '.join(conditions)} "  # noqa: S608 - conditions are constants of this module
        f"ORDER BY {f'{_ACTIVE} DESC, ' if is_active_first else ''}seq DESC LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    return found[:limit], len(found) > limit


def _condition(word: str) -> str:
    conditions = {
        "in_progress": _ACTIVE,
        "completed": "completed_at IS NOT NULL",
        "failed": "failed_at IS NOT NULL AND completed_at IS NULL",
        "cancelled": "cancelling_at IS NOT NULL",
        # One that was over in time and cancelled late is late, too.
        "expired": "completed_at > expires_at OR failed_at > expires_at OR cancelled_at > expires_at "
        f"OR ({_ACTIVE} AND expires_at < unixepoch())",
    }
    if word not in conditions:
        raise Refusal(400, f"Unknown batch status filter: '{word}'. Valid values: {', '.join(FILTERS)}")
    return f"({conditions[word]})"


def cancel(db: sqlite3.Connection, batch: sqlite3.Row) -> None:
    """Cancel a batch in whatever state it is; the first cancel's time stays."""
    now = int(time.time())
    db.execute(
        "UPDATE batch SET cancelling_at = ?, cancelled_at = ? WHERE seq = ? AND cancelling_at IS NULL",
        (now, now, batch["seq"]),
    )


def retry(db: sqlite3.Connection, batch: sqlite3.Row, chosen: list[int] | None = None) -> None:
    """Put failed rows back in the queue, and cancelled ones with them.

    Parameters
    ----------
    db : sqlite3.Connection
        Writing.
    batch : sqlite3.Row
        The batch.
    chosen : list of int, optional
        Lines of the failed rows that are meant; None means all, and un-cancels.

    Raises
    ------
    Refusal
        400 if all were meant and there is nothing to do.
    """
    if chosen is None and not batch["failed"] and batch["cancelling_at"] is None:
        raise Refusal(400, NOTHING_TO_RETRY)
    gone = result_slabs.forget(db, batch["seq"], chosen)
    if chosen is None or gone:
        db.execute(
            "UPDATE batch SET failed = failed - ?, error_bytes = ?, finalizing_at = NULL, completed_at = NULL, failed_at = NULL, "
            "cancelling_at = NULL, cancelled_at = NULL WHERE seq = ?",
            (gone, result_slabs.size(db, batch["seq"], ERROR)[1], batch["seq"]),
        )
