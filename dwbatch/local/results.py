"""The joined view of a batch: every row in the order of the input, with what became of it."""

import sqlite3
from collections.abc import Iterator

import msgspec
from starlette.responses import Response

from dwbatch.local import content, slabs
from dwbatch.local.content import Window
from dwbatch.local.ids import RowIds
from dwbatch.local.runner import Runner
from dwbatch.local.store import Store
from dwbatch.local.views import OUTPUT, is_finished, is_started

_encode = msgspec.json.encode

_ENDS = "SELECT line, kind, body FROM result WHERE batch = ? ORDER BY line"


class _Body(msgspec.Struct):
    """As much of a body as the view shows by itself."""

    model: str = ""


_read_body = msgspec.json.Decoder(_Body).decode


def answer(store: Store, runner: Runner, batch: sqlite3.Row, window: Window, status: str | None) -> Response:
    """The response to a GET of a batch's results."""
    lines = _lines(store, runner, batch, window, status)
    has_more = is_started(batch) and not is_finished(batch)
    if window.limit is not None:
        taken = [line for _, line in zip(range(window.limit + 1), lines, strict=False)]
        return content.page(taken, window, has_more=has_more)
    headers = {"x-incomplete": "true" if has_more else "false"}
    if window.search is None and status is None:
        rows = batch["total"] if is_started(batch) else 0
        headers["x-last-line"] = str(window.skip + max(0, rows - window.skip))
    return content.stream(lines, headers)


def _lines(
    store: Store, runner: Runner, batch: sqlite3.Row, window: Window, status: str | None
) -> Iterator[bytes]:
    # Without its input file a batch has nothing to join with, and before its
    # rows are made ready it has none.
    if not batch["input_file"] or not is_started(batch):
        return
    ids, in_flight, skip = RowIds(batch["id"]), runner.in_flight(batch["seq"]), window.skip
    with store.reading() as db:
        ends = db.execute(_ENDS, (batch["seq"],))
        end = ends.fetchone()
        for line, request in enumerate(slabs.of_file(db, batch["first_request"], batch["total"])):
            own = end if end is not None and end["line"] == line else None
            if own is not None:
                end = ends.fetchone()
            word = _word(own, is_in_flight=line in in_flight)
            if (status is not None and word != status) or not window.fits(request.custom_id):
                continue
            if skip:
                skip -= 1
                continue
            yield _line(ids.of(line), request, own, word)


def _word(end: sqlite3.Row | None, *, is_in_flight: bool) -> str:
    if end is None:
        return "in_progress" if is_in_flight else "pending"
    return "completed" if end["kind"] == OUTPUT else "failed"


def _line(row_id: str, request: slabs.Kept, end: sqlite3.Row | None, word: str) -> bytes:
    return (
        b'{"id":"%b","custom_id":%b,"model":%b,"input_body":%b,"response_body":%b,"error":%b,"status":"%b"}\n'
        % (
            row_id.encode(),
            _encode(request.custom_id),
            _encode(_read_body(request.body).model),
            request.body,
            end["body"] if end is not None and word == "completed" else b"null",
            _encode(end["body"].decode()) if end is not None and word == "failed" else b"null",
            word.encode(),
        )
    )
