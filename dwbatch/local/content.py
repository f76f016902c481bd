"""Files read back as NDJSON: rows in order of completion, counted before they are streamed."""

import re
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
from starlette.responses import Response, StreamingResponse

from dwbatch.local import slabs
from dwbatch.local.files import LARGEST_PAGE
from dwbatch.local.ids import RowIds
from dwbatch.local.replies import NDJSON
from dwbatch.local.store import Store
from dwbatch.local.views import ERROR, OUTPUT, PURPOSES, is_incomplete

_encode = msgspec.json.encode

# Lines are joined to pieces of about this size, or a large file would be
# millions of tiny writes.
PIECE_BYTES = 1024 * 1024

_RESULTS = (
    "SELECT line, status_code, body, custom_id FROM result WHERE batch = :batch AND kind = :kind "
    # A pattern that fits all costs as much as one that fits few: it is not even looked at.
    "AND (:search = '%' OR custom_id LIKE :search) ORDER BY seq LIMIT :limit OFFSET :skip"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which lines of a file are asked for."""

    skip: int = 0
    limit: int | None = None
    search: str | None = None

    @property
    def like(self) -> str:
        """The search as a pattern, in which ``%`` and ``_`` stay alive as on the real server."""
        return "%" if self.search is None else f"%{self.search}%"

    def fits(self, custom_id: str) -> bool:
        """Whether a request is among those that are searched for."""
        return re.fullmatch(_pattern(self.like), custom_id, re.IGNORECASE | re.DOTALL) is not None


def _pattern(like: str) -> str:
    alive = {"%": ".*", "_": "."}
    return "".join(alive.get(letter) or re.escape(letter) for letter in like)


def answer(store: Store, file: sqlite3.Row, window: Window) -> Response:
    """The response to a GET of a file's content."""
    if file["batch"] is None:
        return _input(store, file, window)
    with store.reading() as db:
        batch = db.execute("SELECT * FROM batch WHERE seq = ?", (file["batch"],)).fetchone()
    kind = OUTPUT if file["purpose"] == PURPOSES[OUTPUT] else ERROR
    count = batch["completed"] if kind == OUTPUT else batch["failed"]
    left = max(0, count - window.skip)
    incomplete = is_incomplete(batch) and not batch["is_deleted"]
    values = {"batch": batch["seq"], "kind": kind}
    line_of = _output_line if kind == OUTPUT else _error_line
    ids = RowIds(batch["id"])
    if window.limit is not None:
        rows = _rows(store, values, window, window.limit)
        return page([line_of(row, ids) for row in rows], window, has_more=incomplete)
    headers = {"x-incomplete": _word(incomplete)}
    if window.search is None and not batch["is_deleted"]:
        headers["x-last-line"] = str(window.skip + left)
    found = _stream(store, values, window, count if window.search is not None else left)
    return stream((line_of(row, ids) for row in found), headers)


def _input(store: Store, file: sqlite3.Row, window: Window) -> Response:
    if window.limit is not None:
        with closing(_request_lines(store, file, window)) as lines:
            return page(list(islice(lines, window.limit + 1)), window, has_more=False)
    return stream(_request_lines(store, file, window), {"x-incomplete": "false"})


def _request_lines(store: Store, file: sqlite3.Row, window: Window) -> Generator[bytes, None, None]:
    with store.reading() as db:
        found = slabs.of_file(db, file["first_request"], file["total"])
        if window.search is not None:
            found = (request for request in found if window.fits(request.custom_id))
        yield from map(slabs.line, islice(found, window.skip, None))


def page(lines: list[bytes], window: Window, *, has_more: bool) -> Response:
    """One page of lines, of a length known beforehand; one line too many says that more follow."""
    limit = window.limit or LARGEST_PAGE
    headers = {
        "content-type": NDJSON,
        "x-incomplete": _word(has_more or len(lines) > limit),
        "x-last-line": str(window.skip + len(lines[:limit])),
    }
    return Response(b"".join(lines[:limit]), headers=headers)


def stream(lines: Iterator[bytes], headers: dict[str, str], *, media_type: str = NDJSON) -> Response:
    """All lines, in chunks, without a length."""
    return StreamingResponse(_pieces(lines), headers={"content-type": media_type, **headers})


def _pieces(lines: Iterator[bytes]) -> Iterator[bytes]:
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)


def _rows(store: Store, values: dict[str, Any], window: Window, limit: int) -> list[sqlite3.Row]:
    with store.reading() as db:
        bound = {**values, "search": window.like, "skip": window.skip, "limit": limit + 1}
        return db.execute(_RESULTS, bound).fetchall()


def _stream(store: Store, values: dict[str, Any], window: Window, limit: int) -> Iterator[sqlite3.Row]:
    with store.reading() as db:
        bound = {**values, "search": window.like, "skip": window.skip, "limit": limit}
        yield from db.execute(_RESULTS, bound)


def _output_line(row: sqlite3.Row, ids: RowIds) -> bytes:
    line, status_code, body, custom_id = row
    return (
        b'{"id":"batch_req_%b","custom_id":%b,"response":{"status_code":%d,"request_id":null,"body":%b},"error":null}\n'
        % (ids.of(line).encode(), _encode(custom_id), status_code, body)
    )


def _error_line(row: sqlite3.Row, ids: RowIds) -> bytes:
    line, _, body, custom_id = row
    return b'{"id":"batch_req_%b","custom_id":%b,"response":null,"error":{"code":null,"message":%b}}\n' % (
        ids.of(line).encode(),
        _encode(custom_id),
        _encode(body.decode() or "Unknown error"),
    )


def _word(is_true: bool) -> str:  # noqa: FBT001 - a header's word for a boolean
    return "true" if is_true else "false"
