"""Files: stored, listed, shown, deleted."""

import sqlite3
import time
from typing import Any

import msgspec

from dwbatch.local import accepting, ids, slabs
from dwbatch.local.limits import Limits, Model
from dwbatch.local.replies import Refusal
from dwbatch.local.store import Store
from dwbatch.local.uploads import Upload

DEFAULT_PAGE = 20
LARGEST_PAGE = 101

# A result file is as large as its batch says by now.
_SHOWN = (
    "seq, id, filename, purpose, created_at, expires_at, first_request, total, owner, models, batch, CASE purpose "
    "WHEN 'batch_output' THEN (SELECT output_bytes FROM batch WHERE batch.seq = file.batch) "
    "WHEN 'batch_error' THEN (SELECT error_bytes FROM batch WHERE batch.seq = file.batch) ELSE bytes END AS bytes"
)


def keep(
    store: Store,
    upload: Upload,
    *,
    limits: Limits,
    models: dict[str, Model] | None,
    owner: str,
    began_at: int,
) -> sqlite3.Row:
    """Validate an upload and store it whole, or not at all.

    Raises
    ------
    Refusal
        With the first fault; nothing is stored then.
    """
    upload.file.seek(0)
    accepted = accepting.slabs(upload.file, limits=limits, models=models)
    with store.writing() as db:
        first, figures = slabs.keep(db, accepted)
        return _insert(db, upload, first, figures, limits=limits, owner=owner, began_at=began_at)


def _insert(
    db: sqlite3.Connection,
    upload: Upload,
    first: int,
    figures: dict[str, slabs.Figures],
    *,
    limits: Limits,
    owner: str,
    began_at: int,
) -> sqlite3.Row:
    file_id = ids.new()
    expiry_s = upload.expires_after_s if upload.expires_after_s is not None else limits.file_expiry_s
    db.execute(
        "INSERT INTO file (id, filename, purpose, bytes, created_at, expires_at, first_request, total, owner, "
        "models) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            file_id,
            upload.filename if upload.filename is not None else f"upload-{file_id}",
            upload.purpose,
            upload.file_bytes,
            began_at,
            int(time.time()) + expiry_s,
            first,
            sum(of_model["count"] for of_model in figures.values()),
            owner,
            msgspec.json.encode(figures).decode(),
        ),
    )
    return find(db, file_id, owner)


def find(db: sqlite3.Connection, given: str, owner: str) -> sqlite3.Row:
    """A file by the id that a client gave.

    Raises
    ------
    Refusal
        400 if it is no UUID, 404 if there is no such file of this owner.
    """
    found = find_anyones(db, given)
    if found["owner"] != owner:
        raise _unknown(given)
    return found


def find_anyones(db: sqlite3.Connection, given: str) -> sqlite3.Row:
    """A file by the id that a client gave, whoever owns it.

    Raises
    ------
    Refusal
        400 if it is no UUID, 404 if there is no such file.
    """
    file_id = ids.parse(given)
    if file_id is None:
        raise Refusal(400, "Invalid file ID format")
    found: sqlite3.Row | None = db.execute(
        f"SELECT {_SHOWN} FROM file WHERE id = ? AND NOT is_deleted",  # noqa: S608 - a constant
        (file_id,),
    ).fetchone()
    if found is None:
        raise _unknown(given)
    return found


def _unknown(given: str) -> Refusal:
    return Refusal(404, f"File with ID {given} not found")


def listed(
    db: sqlite3.Connection,
    owner: str,
    *,
    limit: int,
    after: str | None,
    is_ascending: bool,
    purpose: str | None,
    search: str | None,
) -> tuple[list[sqlite3.Row], bool]:
    """One page of files, and whether more follow; an unknown `after` is the first page again."""
    conditions, values = ["owner = ?", "NOT is_deleted"], list[Any]((owner,))
    if purpose is not None:
        conditions.append("purpose = ?")
        values.append(purpose)
    if search is not None:
        conditions.append("filename LIKE ?")
        values.append(f"%{search}%")
    start = position(db, "file", after)
    if start is not None:
        conditions.append("seq > ?" if is_ascending else "seq < ?")
        values.append(start)
    direction = "ASC" if is_ascending else "DESC"
    found = db.execute(
        f"SELECT {_SHOWN} FROM file WHERE {' AND '.join(conditions)} ORDER BY seq {direction} LIMIT ?",  # noqa: S608 - conditions are the constants above
        (*values, limit + 1),
    ).fetchall()
    return found[:limit], len(found) > limit


def position(db: sqlite3.Connection, table: str, given: str | None) -> int | None:
    """Where the cursor of a list stands, or None if no such id is known, which is the first page again."""
    canonical = ids.parse(given) if given is not None else None
    if canonical is None:
        return None
    found = db.execute(f"SELECT seq FROM {table} WHERE id = ?", (canonical,)).fetchone()  # noqa: S608 - the table is named by this module
    return found[0] if found else None


def delete(db: sqlite3.Connection, file: sqlite3.Row) -> list[int]:
    """Delete a file; batches that read it lose it, and unfinished ones are cancelled.

    Returns
    -------
    list of int
        Batches that must stop.
    """
    db.execute("UPDATE file SET is_deleted = 1 WHERE seq = ?", (file["seq"],))
    if file["batch"] is not None:
        return []
    stopped = [
        seq
        for (seq,) in db.execute(
            "SELECT seq FROM batch WHERE input_file = ? AND cancelling_at IS NULL AND failed_at IS NULL "
            "AND completed + failed < total",
            (file["id"],),
        )
    ]
    now = int(time.time())
    db.executemany(
        "UPDATE batch SET cancelling_at = ?, cancelled_at = ? WHERE seq = ?",
        [(now, now, seq) for seq in stopped],
    )
    db.execute("UPDATE batch SET input_file = '' WHERE input_file = ?", (file["id"],))
    return stopped
