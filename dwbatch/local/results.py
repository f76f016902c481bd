"""The joined view of a batch: every row in the order of the input, with what became of it."""

import sqlite3
from collections.abc import Iterator

import msgspec
from starlette.responses import Response

from dwbatch.local import content
from dwbatch.local.content import Window
from dwbatch.local.ids import RowIds
from dwbatch.local.runner import Runner
from dwbatch.local.store import Store
from dwbatch.local.views import OUTPUT, is_finished, is_started

_encode = msgspec.json.encode

_JOINED = (
    "SELECT request.seq - :first_request AS line, custom_id, model, request.body AS asked, kind, "
    "result.body AS said FROM request LEFT JOIN result "
    "ON result.batch = :batch AND result.line = request.seq - :first_request "
    "WHERE request.seq >= :first_request AND request.seq < :first_request + :total AND custom_id LIKE :search "
    "ORDER BY request.seq"
)


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
    values = {
        "batch": batch["seq"],
        "first_request": batch["first_request"],
        "total": batch["total"],
        "search": window.like,
    }
    with store.reading() as db:
        for row in db.execute(_JOINED, values):
            word = _word(row, in_flight)
            if status is not None and word != status:
                continue
            if skip:
                skip -= 1
                continue
            yield _line(row, word, ids)


def _word(row: sqlite3.Row, in_flight: frozenset[int]) -> str:
    if row["kind"] is None:
        return "in_progress" if row["line"] in in_flight else "pending"
    return "completed" if row["kind"] == OUTPUT else "failed"


def _line(row: sqlite3.Row, word: str, ids: RowIds) -> bytes:
    return (
        b'{"id":"%b","custom_id":%b,"model":%b,"input_body":%b,"response_body":%b,"error":%b,"status":"%b"}\n'
        % (
            ids.of(row["line"]).encode(),
            _encode(row["custom_id"]),
            _encode(row["model"]),
            row["asked"],
            row["said"] if word == "completed" else b"null",
            _encode(row["said"].decode()) if word == "failed" else b"null",
            word.encode(),
        )
    )
