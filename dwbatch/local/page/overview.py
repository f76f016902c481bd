"""What the page shows: counts, the newest batches, files and calls, and one batch from near."""

import contextlib
import sqlite3
import time
from itertools import islice
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dwbatch.local import result_slabs
from dwbatch.local.replies import Refusal, json
from dwbatch.local.service import Service
from dwbatch.local.slabs import Lookup
from dwbatch.local.views import ERROR, OUTPUT

_SHOWN = 50
_CALLS = 500
_NEAR = 20
_LONGEST_SENTENCE = 300

# Where the endpoints' answers and the reasons of failures have their words.
_PATHS = (
    ("choices", 0, "message", "content"),
    ("choices", 0, "text"),
    ("output", 0, "content", 0, "text"),
    ("content", 0, "text"),
    ("details", "body"),
    ("details", "error"),
    ("type",),
)


class Overview:
    """Answers the page's questions; keeps running sums, so that a long ledger is not added up each second.

    Parameters
    ----------
    service : Service
        What is shown.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sums = (0, 0, 0, 0)

    def show(self, _: Request) -> Response:
        """Everything at a glance."""
        service = self._service
        with service.store.reading() as db:
            batches = db.execute(
                "SELECT * FROM batch WHERE NOT is_deleted ORDER BY seq DESC LIMIT ?", (_SHOWN,)
            ).fetchall()
            files = db.execute(
                "SELECT filename AS name, bytes FROM file WHERE NOT is_deleted AND batch IS NULL "
                "ORDER BY seq DESC LIMIT ?",
                (_SHOWN,),
            ).fetchall()
            totals = self._totals(db)
        return json(
            {
                "now": time.time(),
                "answered_by": service.answered_by,
                "totals": totals,
                "batches": [self._batch(batch) for batch in batches],
                "files": [dict(file) for file in files],
                "exchanges": list(islice(reversed(service.exchanges), _CALLS)),
                "fired": service.board.fired()[: -_SHOWN - 1 : -1],
                "unfired": [fault.name for fault in service.board.unfired()],
            }
        )

    def _totals(self, db: sqlite3.Connection) -> dict[str, int]:
        last, bills, asked, said = self._sums
        news = db.execute(
            "SELECT coalesce(max(seq), ?), count(*), coalesce(sum(prompt_tokens), 0), "
            "coalesce(sum(completion_tokens), 0) FROM bill WHERE seq > ?",
            (last, last),
        ).fetchone()
        self._sums = (news[0], bills + news[1], asked + news[2], said + news[3])
        done = db.execute(
            "SELECT coalesce(sum(completed), 0) AS completed, coalesce(sum(failed), 0) AS failed, coalesce(sum("
            "CASE WHEN cancelling_at IS NULL AND failed_at IS NULL AND expired_at IS NULL "
            "THEN total - completed - failed END), 0) AS waiting FROM batch WHERE NOT is_deleted"
        ).fetchone()
        names = ("bills", "prompt_tokens", "completion_tokens")
        return dict(done) | dict(zip(names, self._sums[1:], strict=True))

    def _batch(self, batch: sqlite3.Row) -> dict[str, Any]:
        return {
            "id": batch["id"],
            "name": batch["input_name"],
            "status": self._service.dialect.status(batch),
            "total": batch["total"],
            "completed": batch["completed"],
            "failed": batch["failed"],
            "window": batch["completion_window"],
            "created_at": batch["created_at"],
        }

    def show_batch(self, request: Request) -> Response:
        """The newest rows of one batch."""
        with self._service.store.reading() as db:
            batch = db.execute("SELECT * FROM batch WHERE id = ?", (request.path_params["id"],)).fetchone()
            if batch is None:
                raise Refusal(404, "No such batch.")
            return json(
                {
                    "name": batch["input_name"],
                    "failed": _faults(batch) or _newest(db, batch, ERROR),
                    "answers": _newest(db, batch, OUTPUT),
                    "bills": _bills(db, batch),
                }
            )


def _bills(db: sqlite3.Connection, batch: sqlite3.Row) -> list[dict[str, Any]]:
    found = db.execute(
        "SELECT line, model, prompt_tokens, completion_tokens FROM bill WHERE batch = ? ORDER BY seq DESC LIMIT ?",
        (batch["seq"], _NEAR),
    ).fetchall()
    lookup, first = Lookup(), batch["first_request"]
    return [dict(bill) | {"custom_id": lookup.request(db, first + bill["line"]).custom_id} for bill in found]


def _faults(batch: sqlite3.Row) -> list[dict[str, str]]:
    """What was wrong with a batch's lines, in the dialect in which a batch finds that out."""
    if not batch["errors"]:
        return []
    found = msgspec.json.decode(batch["errors"])["data"][:_NEAR]
    return [{"custom_id": f"line {one['line']}", "sentence": one["message"]} for one in found]


def _newest(db: sqlite3.Connection, batch: sqlite3.Row, kind: int) -> list[dict[str, str]]:
    found = result_slabs.newest(db, batch["seq"], kind, _NEAR)
    return [{"custom_id": shown.custom_id, "sentence": _sentence(shown.stored)} for shown in found]


def _sentence(stored: bytes) -> str:
    """What a person wants to read of a result: the answer or the reason, without its wrapping."""
    body = msgspec.json.decode(stored)
    text = next((said for path in _PATHS if isinstance(said := _at(body, path), str)), None)
    if text is None:
        return stored[:_LONGEST_SENTENCE].decode("utf-8", "replace")
    if text.startswith("{"):
        # A model's refusal is JSON inside of JSON.
        with contextlib.suppress(msgspec.DecodeError):
            inner = _at(msgspec.json.decode(text), ("error", "message"))
            text = inner if isinstance(inner, str) else text
    return text[:_LONGEST_SENTENCE]


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        if isinstance(key, int):
            value = value[key] if isinstance(value, list) and len(value) > key else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    return value
