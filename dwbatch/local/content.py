"""Files read back as NDJSON: rows in order of completion, counted before they are streamed."""

import re
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from starlette.responses import Response, StreamingResponse

from dwbatch.local import result_slabs, slabs
from dwbatch.local.files import LARGEST_PAGE
from dwbatch.local.replies import NDJSON
from dwbatch.local.store import Store
from dwbatch.local.views import ERROR, OUTPUT, PURPOSES, is_incomplete

# Lines are joined to pieces of about this size, or a large file would be
# millions of tiny writes.
PIECE_BYTES = 1024 * 1024


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
        return _pattern(self.like).fullmatch(custom_id) is not None


@lru_cache(maxsize=8)  # It is asked for every line of a file.
def _pattern(like: str) -> re.Pattern[str]:
    alive = {"%": ".*", "_": "."}
    return re.compile(
        "".join(alive.get(letter) or re.escape(letter) for letter in like), re.IGNORECASE | re.DOTALL
    )


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
    if window.limit is not None:
        with closing(_results(store, batch["seq"], kind, window, window.limit + 1)) as found:
            return page(list(_lines(found)), window, has_more=incomplete)
    headers = {"x-incomplete": _word(incomplete)}
    if window.search is None and not batch["is_deleted"]:
        headers["x-last-line"] = str(window.skip + left)
    found = _results(store, batch["seq"], kind, window, left if window.search is None else count)
    return stream(found, headers)


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


def stream(texts: Iterator[bytes], headers: dict[str, str], *, media_type: str = NDJSON) -> Response:
    """All lines, in chunks, without a length."""
    return StreamingResponse(_pieces(texts), headers={"content-type": media_type, **headers})


def _pieces(texts: Iterator[bytes]) -> Iterator[bytes]:
    piece, size = list[bytes](), 0
    for text in texts:
        piece.append(text)
        size += len(text)
        if size >= PIECE_BYTES:
            yield b"".join(piece)
            piece, size = [], 0
    if piece:
        yield b"".join(piece)


def _results(store: Store, batch: int, kind: int, window: Window, limit: int) -> Generator[bytes, None, None]:
    with store.reading() as db:
        if window.search is None:
            yield from result_slabs.texts(db, batch, kind, skip=window.skip, limit=limit)
            return
        found = _lines(result_slabs.texts(db, batch, kind))
        fitting = (line for line in found if window.fits(result_slabs.read(line).custom_id))
        yield from islice(fitting, window.skip, window.skip + limit)


def _lines(texts: Iterator[bytes]) -> Iterator[bytes]:
    for text in texts:
        yield from (line + b"\n" for line in slabs.split(text))


def _word(is_true: bool) -> str:  # noqa: FBT001 - a header's word for a boolean
    return "true" if is_true else "false"
