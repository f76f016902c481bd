"""What the server shows: the word for a batch, what its files promise, its rows."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
import requests

from dwbatch.local import Outcome, Reply, Server
from dwbatch.local.views import status
from tests.local.asking import create, finished, get, read, upload

KEPT = {
    "cancelling_at": None,
    "in_progress_at": 1,
    "completed_at": None,
    "failed_at": None,
    "completed": 0,
    "failed": 0,
    "total": 2,
}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def post(server: Server, path: str, **body: Any) -> requests.Response:
    return requests.post(f"{server.base_url}{path}", json=body or None, timeout=60)


@pytest.mark.parametrize(
    ("kept", "word"),
    [
        ({"cancelling_at": 1, "completed_at": 1, "completed": 2}, "cancelled"),
        ({"cancelling_at": 1, "completed": 1}, "cancelled"),
        ({"cancelling_at": 1, "in_progress_at": None, "failed_at": 1}, "cancelling"),
        ({"in_progress_at": None, "failed_at": 1}, "failed"),
        ({"in_progress_at": None}, "validating"),
        ({"failed": 2, "completed_at": 1}, "failed"),
        ({"failed": 1, "completed": 1, "completed_at": 1, "failed_at": 1}, "completed"),
        ({"failed": 1, "completed": 1, "failed_at": 1}, "failed"),
        ({"failed": 1, "completed": 1}, "finalizing"),
        ({"completed": 1, "completed_at": 1, "failed_at": 1}, "in_progress"),
    ],
)
def test_a_status_is_the_first_that_fits_what_is_stored(kept: dict[str, int | None], word: str) -> None:
    stored = cast("sqlite3.Row", KEPT | kept)

    assert status(stored) == word


def test_fields_that_a_batch_does_not_have_are_left_out(server: Server) -> None:
    batch = create(server, upload(server, "a"))

    assert None not in batch.values()
    assert {"errors", "in_progress_at", "completed_at", "failed_at", "expired_at", "analytics"}.isdisjoint(
        batch
    )


def test_a_batch_whose_rows_all_failed_has_failed_and_ends_at_once_with_some_not() -> None:
    with Server(outcomes={"bad": Outcome.status(400)}) as server:
        failed, mixed = finished(server, "bad"), finished(server, "bad", "good")

        assert (failed["status"], mixed["status"]) == ("failed", "completed")
        assert ("failed_at" in failed, "completed_at" in failed) == (True, False)


def test_a_second_cancel_keeps_the_time_of_the_first(server: Server) -> None:
    batch = finished(server, "a")
    post(server, f"/batches/{batch['id']}/cancel")
    with server._running().store.writing() as db:
        db.execute("UPDATE batch SET cancelling_at = 7, cancelled_at = 7")

    again = post(server, f"/batches/{batch['id']}/cancel").json()

    assert (again["status"], again["cancelling_at"], again["cancelled_at"]) == ("cancelled", 7, 7)
    assert again["completed_at"] == batch["completed_at"]


def test_a_retry_takes_every_terminal_time_back() -> None:
    failing = {"a": Outcome.status(400)}
    with Server(outcomes=failing) as server:
        batch = finished(server, "a", "b")
        post(server, f"/batches/{batch['id']}/cancel")

        retried = post(server, f"/batches/{batch['id']}/retry").json()

        stamps = {"finalizing_at", "completed_at", "failed_at", "cancelling_at", "cancelled_at"}
        assert stamps.isdisjoint(retried)
        assert retried["request_counts"] == {"total": 2, "completed": 1, "failed": 0}
        assert (retried["status"], retried["id"]) == ("in_progress", batch["id"])


def test_a_batch_deleted_while_it_runs_asks_the_model_no_more() -> None:
    gate, arrived = threading.Event(), threading.Event()

    def answer(_: dict[str, Any]) -> str:
        arrived.set()
        gate.wait()
        return "late"

    with Server(answer=answer, concurrency=1) as server:
        batch = create(server, upload(server, "a", "b", "c"))
        arrived.wait()

        reply = requests.delete(f"{server.base_url}/batches/{batch['id']}", timeout=60)
        gate.set()
        finished(server, "other")

        assert (reply.status_code, reply.content) == (204, b"")
        assert [bill.custom_id for bill in server.ledger()] == ["other"]


@pytest.mark.parametrize(
    ("query", "incomplete", "last_line"),
    [
        ({}, "false", None),
        ({"search": "a"}, "false", None),
        ({"limit": 1}, "true", "1"),
        ({"limit": 1, "skip": 1}, "false", "2"),
        ({"limit": 0, "skip": -3}, "true", "1"),
        ({"limit": 9, "skip": 9}, "false", "9"),
    ],
)
def test_an_input_file_promises_a_last_line_only_by_the_page(
    server: Server, query: dict[str, Any], incomplete: str, last_line: str | None
) -> None:
    file_id = upload(server, "a", "b")

    headers = get(server, f"/files/{file_id}/content", **query).headers

    assert (headers["x-incomplete"], headers.get("x-last-line")) == (incomplete, last_line)


@pytest.mark.parametrize(
    ("query", "incomplete", "last_line"),
    [
        ({}, "true", "1"),
        ({"skip": 1}, "true", "1"),
        ({"skip": 5}, "true", "5"),
        ({"search": "a"}, "true", None),
        ({"limit": 5}, "true", "1"),
        ({"limit": 5, "skip": 5}, "true", "5"),
        ({"limit": 5, "search": "zzz"}, "true", "0"),
    ],
)
def test_an_output_file_of_a_running_batch_is_incomplete_whatever_is_asked(
    query: dict[str, Any], incomplete: str, last_line: str | None
) -> None:
    with running("a", "stuck") as (server, batch):
        headers = get(server, f"/files/{batch['output_file_id']}/content", **query).headers

    assert (headers["x-incomplete"], headers.get("x-last-line")) == (incomplete, last_line)


class running:  # noqa: N801 - read as a verb after `with`
    """A server with a batch of these rows, of which `stuck` is never answered and the rest are."""

    def __init__(self, *custom_ids: str) -> None:
        self._custom_ids = custom_ids
        self._gate = threading.Event()
        self._server = Server(answer=self._answer, concurrency=1)

    def _answer(self, body: dict[str, Any]) -> str:
        if "stuck" in body["messages"][0]["content"]:
            self._gate.wait()
        return "fine"

    def __enter__(self) -> tuple[Server, dict[str, Any]]:
        self._server.start()
        batch = create(self._server, upload(self._server, *self._custom_ids))
        self._server.wait_until(lambda: len(self._server.ledger()) == self._custom_ids.index("stuck"))
        return self._server, batch

    def __exit__(self, *_: object) -> None:
        self._gate.set()
        self._server.stop()


def test_a_deleted_batchs_files_promise_nothing(server: Server) -> None:
    batch = finished(server, "a")
    requests.delete(f"{server.base_url}/batches/{batch['id']}", timeout=60)

    reply = get(server, f"/files/{batch['output_file_id']}/content")

    assert (reply.text.count("\n"), reply.headers["x-incomplete"]) == (1, "false")
    assert "x-last-line" not in reply.headers


def test_a_part_of_a_file_cannot_be_asked_for_in_bytes(server: Server) -> None:
    batch = finished(server, "a")
    url = f"{server.base_url}/files/{batch['output_file_id']}/content"

    whole = requests.get(url, timeout=60)
    part = requests.get(url, headers={"Range": "bytes=0-9"}, timeout=60)

    assert (part.status_code, part.content) == (200, whole.content)


def test_results_of_a_running_batch_stand_in_the_files_order_with_their_state() -> None:
    with running("a", "stuck", "b") as (server, batch):
        url = f"/batches/{batch['id']}/results"
        reply = get(server, url)
        found = {
            word: get(server, url, status=word).text.count("\n")
            for word in ("pending", "in_progress", "completed", "failed")
        }

    lines = [(each["custom_id"], each["status"]) for each in map(json.loads, reply.text.splitlines())]
    assert lines == [("a", "completed"), ("stuck", "in_progress"), ("b", "pending")]
    assert (reply.headers["x-incomplete"], reply.headers["x-last-line"]) == ("true", "3")
    assert found == {"pending": 1, "in_progress": 1, "completed": 1, "failed": 0}


def test_results_of_a_batch_that_waits_are_none_and_complete() -> None:
    with Server(populate_delay_s=3600) as server:
        batch = create(server, upload(server, "a"))

        reply = get(server, f"/batches/{batch['id']}/results")

        assert (reply.status_code, reply.text, reply.headers["x-incomplete"]) == (200, "", "false")


@pytest.mark.parametrize("code", [201, 302, 399])
def test_a_status_below_400_is_an_answer(code: int) -> None:
    with Server(answer=lambda _: Reply(code, None)) as server:
        batch = finished(server, "a")

        (found,) = read(server, batch["output_file_id"])

    assert found["response"] == {"status_code": code, "request_id": None, "body": None}
    assert found["error"] is None


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Outcome.network_error("gone"), {"type": "NetworkError", "details": {"error": "gone"}}),
        (Outcome.timeout("slow"), {"type": "Timeout", "details": {"error": "slow"}}),
        *(
            (
                Outcome.status(code, "why"),
                {"type": f"{kind}HttpStatus", "details": {"status": code, "body": "why"}},
            )
            for kind, codes in {
                "Retriable": (404, 408, 429, 499, 500, 503),
                "NonRetriable": (400, 401, 402, 403, 413, 415, 422),
            }.items()
            for code in codes
        ),
    ],
)
def test_an_error_line_says_its_reason_as_json_in_a_text(outcome: Outcome, reason: dict[str, Any]) -> None:
    with Server(outcomes={"a": outcome}) as server:
        batch = finished(server, "a")

        (found,) = read(server, batch["error_file_id"])

    assert (found["response"], found["error"]["code"]) == (None, None)
    assert json.loads(found["error"]["message"]) == reason
    assert found["id"].startswith("batch_req_")
