"""Batches and files as the server shows them: computed from what is stored, absent fields left out."""

import sqlite3
import time
from typing import Any

import msgspec

# Dropped from a client's metadata, after lower-casing and "-" to "_".
RESERVED = frozenset(
    {"created_by_email", "context_name", "context_type", "request_source", "created_by", "dw_user_agent"}
)
# Kept in the store, searched, never shown.
HIDDEN = frozenset({"dw_source_id", "dw_source_name", "dw_sync_id", "dw_external_key"}) | RESERVED

OUTPUT, ERROR = 0, 1
PURPOSES = {OUTPUT: "batch_output", ERROR: "batch_error"}

CONTEXT = {"context_name": "Personal", "context_type": "personal"}


def is_started(batch: sqlite3.Row) -> bool:
    """Whether the batch's rows were made ready to run."""
    return batch["in_progress_at"] is not None


def is_finished(batch: sqlite3.Row) -> bool:
    """Whether no row waits or runs; on a cancelled batch every such row counts as cancelled."""
    if not is_started(batch):
        return False
    return batch["cancelling_at"] is not None or batch["completed"] + batch["failed"] == batch["total"]


def is_incomplete(batch: sqlite3.Row) -> bool:
    """What ``X-Incomplete`` says: counts do not balance, which they never do if the rows never started."""
    return not is_finished(batch) and batch["total"] > 0


def status(batch: sqlite3.Row) -> str:
    """The one word for a batch, by the real server's rules in their order."""
    if batch["cancelling_at"] is not None:
        return "cancelled" if is_finished(batch) else "cancelling"
    if not is_started(batch):
        return "failed" if batch["failed_at"] is not None else "validating"
    if not is_finished(batch):
        return "in_progress"
    if batch["failed"] == batch["total"]:
        return "failed"
    if batch["completed_at"] is not None:
        return "completed"
    return "failed" if batch["failed_at"] is not None else "finalizing"


def batch_view(
    batch: sqlite3.Row,
    files: dict[int, str],
    *,
    is_read: bool = True,
    analytics: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A batch object.

    Parameters
    ----------
    batch : sqlite3.Row
        The stored batch.
    files : dict of int to str
        Ids of its output and error file, as far as they were not deleted.
    is_read : bool
        Whether it answers a GET: answers to a POST leave out the context.
    analytics : dict, optional
        Added where a list asked for it.
    """
    word = status(batch)
    deadline = batch["expires_at"]
    shown: dict[str, Any] = {
        "id": batch["id"],
        "object": "batch",
        "endpoint": batch["endpoint"],
        "input_file_id": batch["input_file"],
        "completion_window": batch["completion_window"],
        "status": word,
        "output_file_id": files.get(OUTPUT),
        "error_file_id": files.get(ERROR),
        "created_at": batch["created_at"],
        "in_progress_at": batch["in_progress_at"],
        "expires_at": deadline,
        "finalizing_at": batch["finalizing_at"] if word in {"finalizing", "completed"} else None,
        "completed_at": batch["completed_at"],
        "failed_at": batch["failed_at"],
        # Shown on any batch, finished or not, once the deadline is past.
        "expired_at": deadline if deadline is not None and time.time() > deadline else None,
        "cancelling_at": batch["cancelling_at"],
        "cancelled_at": batch["cancelled_at"],
        "request_counts": {
            "total": batch["total"],
            "completed": batch["completed"],
            "failed": batch["failed"],
        },
        "metadata": _metadata(batch, is_read=is_read),
        "analytics": analytics,
        "dwext": _extension(batch),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _metadata(batch: sqlite3.Row, *, is_read: bool) -> dict[str, str]:
    stored = msgspec.json.decode(batch["metadata"], type=dict[str, str])
    shown = {name: value for name, value in stored.items() if name not in HIDDEN}
    shown["request_source"] = "api"
    shown["created_by_email"] = batch["owner"]
    return shown | CONTEXT if is_read else shown


def _extension(batch: sqlite3.Row) -> dict[str, str]:
    stored = msgspec.json.decode(batch["metadata"], type=dict[str, str])
    extension = {"source": "api"}
    if "dw_source_id" in stored:
        extension["source_id"] = stored["dw_source_id"]
    return extension


def file_view(file: sqlite3.Row, *, is_read: bool = True) -> dict[str, Any]:
    """A file object; an upload's own answer leaves out the owner."""
    shown: dict[str, Any] = {
        "id": file["id"],
        "object": "file",
        "bytes": file["bytes"],
        "created_at": file["created_at"],
        "filename": file["filename"],
        "purpose": file["purpose"] or "batch",
        "expires_at": file["expires_at"],
    }
    if is_read:
        if file["batch"] is None:
            shown["created_by_email"] = file["owner"]
        shown |= CONTEXT
    return {name: value for name, value in shown.items() if value is not None}


def page(shown: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    """A page of a list; an empty one has no first and no last id."""
    listed: dict[str, Any] = {"object": "list", "data": shown}
    if shown:
        listed |= {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]}
    return listed | {"has_more": has_more}
