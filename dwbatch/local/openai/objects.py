"""Files and batches as OpenAI shows them: every field there, null where nothing is known."""

import secrets
import sqlite3
import string
from typing import Any

import msgspec

from dwbatch.local.views import ERROR, OUTPUT, PURPOSES

_LETTERS = string.ascii_letters + string.digits
_FILE_ID_LETTERS = 22
_BATCH_ID_BYTES = 16

_TIMES = (
    "in_progress_at",
    "expires_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
)
# Which word a batch is known by: the first of these times that it has.
_WORDS = (
    ("failed_at", "failed"),
    ("expired_at", "expired"),
    ("cancelled_at", "cancelled"),
    ("cancelling_at", "cancelling"),
    ("completed_at", "completed"),
    ("finalizing_at", "finalizing"),
    ("in_progress_at", "in_progress"),
)
FINAL = frozenset({"failed", "expired", "cancelled", "completed"})


def new_file_id() -> str:
    """A fresh id of a file."""
    return "file-" + "".join(secrets.choice(_LETTERS) for _ in range(_FILE_ID_LETTERS))


def new_batch_id() -> str:
    """A fresh id of a batch."""
    return f"batch_{secrets.token_hex(_BATCH_ID_BYTES)}"


def status(batch: sqlite3.Row) -> str:
    """The one word for a batch."""
    return next((word for time, word in _WORDS if batch[time] is not None), "validating")


def file_view(file: sqlite3.Row) -> dict[str, Any]:
    """A file object."""
    return {
        "object": "file",
        "id": file["id"],
        # Both kinds of result files are the same to OpenAI.
        "purpose": "batch" if file["batch"] is None else PURPOSES[OUTPUT],
        "filename": file["filename"],
        "bytes": file["bytes"],
        "created_at": file["created_at"],
        "expires_at": file["expires_at"],
        "status": "processed",
        "status_details": None,
    }


def batch_view(db: sqlite3.Connection, batch: sqlite3.Row) -> dict[str, Any]:
    """A batch object."""
    word = status(batch)
    owned = db.execute("SELECT purpose, id FROM file WHERE batch = ? AND NOT is_deleted", (batch["seq"],))
    files: dict[str, str] = dict(owned.fetchall())
    models = list(msgspec.json.decode(batch["models"]))
    return {
        "id": batch["id"],
        "object": "batch",
        "endpoint": batch["endpoint"],
        "model": models[0] if models else None,
        "errors": msgspec.json.decode(batch["errors"]) if batch["errors"] else None,
        "input_file_id": batch["input_file"],
        "completion_window": batch["completion_window"],
        "status": word,
        "output_file_id": files.get(PURPOSES[OUTPUT]),
        "error_file_id": files.get(PURPOSES[ERROR]),
        "created_at": batch["created_at"],
        **{time: batch[time] for time in _TIMES},
        "request_counts": {
            "total": batch["total"],
            "completed": batch["completed"],
            "failed": batch["failed"],
        },
        "usage": _usage(db, batch["seq"]) if word in FINAL else None,
        "metadata": msgspec.json.decode(batch["metadata"]),
    }


def _usage(db: sqlite3.Connection, batch: int) -> dict[str, Any]:
    asked, said = db.execute(
        "SELECT coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0) FROM bill WHERE batch = ?",
        (batch,),
    ).fetchone()
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + said,
    }
