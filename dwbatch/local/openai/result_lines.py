"""Result lines as OpenAI writes them: a refusal is a response, an end is an error."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from dwbatch.local import result_slabs, slabs
from dwbatch.local.openai.life import CANCELLED, EXPIRED
from dwbatch.local.result_slabs import Shown
from dwbatch.local.store import Store

_encode = msgspec.json.encode

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
    with store.reading() as db:
        for text in result_slabs.texts(db, batch["seq"], kind):
            yield b"".join(_line(result_slabs.read(line)) for line in slabs.split(text))


def _line(shown: Shown) -> bytes:
    if shown.response is None:
        return _failed(shown)
    return _answered(shown, shown.response.status_code, shown.response.body)


def _answered(shown: Shown, status_code: int, body: bytes | msgspec.Raw) -> bytes:
    row_id = _row_id(shown)
    return (
        b'{"id": "batch_req_%b", "custom_id": %b, "response": {"status_code": %d, "request_id": "%b", "body": %b}, "error": null}\n'
        % (row_id, _encode(shown.custom_id), status_code, row_id, body)
    )


def _row_id(shown: Shown) -> bytes:
    return shown.id.removeprefix("batch_req_").replace("-", "").encode()


def _failed(shown: Shown) -> bytes:
    reason = _read_reason(shown.stored)
    if reason.type in _ENDS:
        error = {"code": reason.type, "message": _ENDS[reason.type]}
        return b'{"id": "batch_req_%b", "custom_id": %b, "response": null, "error": %b}\n' % (
            _row_id(shown),
            _encode(shown.custom_id),
            _encode(error),
        )
    details = reason.details
    if details is None or not details.body:
        return _answered(shown, 500, _encode(_BROKEN))
    return _answered(shown, details.status, _encode(_value(details.body)))


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
