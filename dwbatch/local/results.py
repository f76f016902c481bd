"""The joined view of a batch: every row in the order of the input, with what became of it."""

import sqlite3
from collections.abc import Iterator

import msgspec
from starlette.responses import Response

from dwbatch.local import content, slabs
from dwbatch.local.content import Window
from dwbatch.local.ids import RowIds
from dwbatch.local.result_slabs import ByLine, read
from dwbatch.local.runner import Runner
from dwbatch.local.store import Store
from dwbatch.local.views import OUTPUT, is_finished, is_started

_encode = msgspec.json.encode


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
        ends = ByLine(db, batch)
        for line, request in enumerate(slabs.of_file(db, batch["first_request"], batch["total"])):
            kind, end = ends.find(line) or (None, None)
            word = _word(kind, is_in_flight=line in in_flight)
            if (status is not None and word != status) or not window.fits(request.custom_id):
                continue
            if skip:
                skip -= 1
                continue
            yield _line(ids.of(line), request, end, word)


def _word(kind: int | None, *, is_in_flight: bool) -> str:
    if kind is None:
        return "in_progress" if is_in_flight else "pending"
    return "completed" if kind == OUTPUT else "failed"


def _line(row_id: str, request: slabs.Kept, ended: bytes | None, word: str) -> bytes:
    end = read(ended) if ended is not None else None
    return (
        b'{"id":"%b","custom_id":%b,"model":%b,"input_body":%b,"response_body":%b,"error":%b,"status":"%b"}\n'
        % (
            row_id.encode(),
            _encode(request.custom_id),
            _encode(_read_body(request.body).model),
            request.body,
            end.response.body if end is not None and end.response is not None else b"null",
            _encode(end.error.message) if end is not None and end.error is not None else b"null",
            word.encode(),
        )
    )
