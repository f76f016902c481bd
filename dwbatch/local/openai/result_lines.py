"""Result lines as OpenAI writes them: a refusal is a response, an end is an error."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from dwbatch.local.ids import RowIds
from dwbatch.local.openai.life import CANCELLED, EXPIRED
from dwbatch.local.store import Store
from dwbatch.local.views import OUTPUT

_encode = msgspec.json.encode

_QUERY = "SELECT line, status_code, body, custom_id FROM result WHERE batch = ? AND kind = ? ORDER BY seq"
_ENDS = {
    EXPIRED: "This request could not be executed before the completion window expired.",
    CANCELLED: "This request was not executed because the batch was cancelled.",
}
# Where the model could not be reached, OpenAI speaks for it.
_BROKEN = {
    "error": {
        "message": "The server had an error while processing your request. Sorry about that!",
        "type": "server_error",
        "param": None,
        "code": None,
    }
}


class _Details(msgspec.Struct):
    """What an upstream said that refused."""

    status: int = 500
    body: str = ""


class _Reason(msgspec.Struct):
    """Why a row failed, as the store keeps it."""

    type: str
    details: _Details | None = None


_read_reason = msgspec.json.Decoder(_Reason).decode


def lines(store: Store, batch: sqlite3.Row, kind: int) -> Iterator[bytes]:
    """All lines of one of a batch's two files, in the order in which rows ended."""
    ids = RowIds(batch["id"])
    with store.reading() as db:
        for row in db.execute(_QUERY, (batch["seq"], kind)):
            row_id = ids.of(row["line"]).replace("-", "")
            yield (
                _answered(row, row_id, row["status_code"], row["body"])
                if kind == OUTPUT
                else _failed(row, row_id)
            )


def _answered(row: sqlite3.Row, row_id: str, status_code: int, body: bytes) -> bytes:
    return (
        b'{"id": "batch_req_%b", "custom_id": %b, "response": {"status_code": %d, "request_id": "%b", "body": %b}, "error": null}\n'
        % (row_id.encode(), _encode(row["custom_id"]), status_code, row_id.encode(), body)
    )


def _failed(row: sqlite3.Row, row_id: str) -> bytes:
    reason = _read_reason(row["body"])
    if reason.type in _ENDS:
        error = {"code": reason.type, "message": _ENDS[reason.type]}
        return b'{"id": "batch_req_%b", "custom_id": %b, "response": null, "error": %b}\n' % (
            row_id.encode(),
            _encode(row["custom_id"]),
            _encode(error),
        )
    details = reason.details
    if details is None or not details.body:
        return _answered(row, row_id, 500, _encode(_BROKEN))
    return _answered(row, row_id, details.status, _encode(_value(details.body)))


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
