"""A real model behind the server: asked, asked again, and paid for once."""

import json
import threading
import time
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.local import Outcome, Pace, Retry, Server
from dwbatch.local.pace import Turnstile
from tests.local.asking import brief, create, finish, finished, line, read, upload, upload_bytes
from tests.local.realtime import CHAT, RESET, endpoint

AT_ONCE = Retry(first_s=0)


def test_a_row_is_asked_of_the_model_and_its_answer_kept() -> None:
    with endpoint() as model, Server(upstream=model.url, upstream_key="sk-up") as server:
        content = json.dumps(line("a", stream=True)).encode()
        batch = finish(server, create(server, upload_bytes(server, content)))

        (found,) = read(server, batch["output_file_id"])
        (bill,) = server.ledger()

    assert found["response"]["body"] == CHAT
    assert (bill.prompt_tokens, bill.completion_tokens) == (3, 2)
    ((path, key, body),) = model.asked
    assert (path, key, body["stream"]) == ("/v1/chat/completions", "Bearer sk-up", False)


@pytest.mark.parametrize(
    "failure", [(404, b""), (408, b""), (429, b""), (499, b""), (500, b""), (503, b"<html>"), (RESET, b"")]
)
def test_a_passing_failure_is_tried_again(failure: tuple[int, bytes]) -> None:
    with endpoint(failure, failure) as model, Server(upstream=model.url, retry=AT_ONCE) as server:
        batch = finished(server, "a")

        assert batch["request_counts"] == {"total": 1, "completed": 1, "failed": 0}
        assert len(model.asked) == 3
        assert len(server.ledger()) == 1


def test_a_lasting_failure_is_not_tried_again_and_keeps_its_words() -> None:
    with endpoint((400, b'{"error": "too  long"}')) as model, Server(upstream=model.url) as server:
        batch = finished(server, "a")

        (found,) = read(server, batch["error_file_id"])

    assert len(model.asked) == 1
    assert json.loads(found["error"]["message"]) == {
        "type": "NonRetriableHttpStatus",
        "details": {"status": 400, "body": '{"error": "too  long"}'},
    }


def test_a_failure_that_does_not_pass_is_final_after_its_attempts() -> None:
    with (
        endpoint(*[(503, b"busy")] * 9) as model,
        Server(upstream=model.url, retry=Retry(first_s=0, most=2)) as server,
    ):
        batch = finished(server, "a")

        (found,) = read(server, batch["error_file_id"])

    assert len(model.asked) == 3
    assert json.loads(found["error"]["message"])["type"] == "RetriableHttpStatus"


def test_past_the_deadline_the_first_failure_is_final() -> None:
    with endpoint((503, b"busy")) as model, Server(upstream=model.url, retry=AT_ONCE) as server:
        server.faults.batch("overdue")
        batch = finished(server, "a")

    assert batch["status"] == "failed"
    assert len(model.asked) == 1


def test_an_answer_that_is_not_json_is_kept_as_text() -> None:
    with endpoint((200, b"<html>login</html>")) as model, Server(upstream=model.url) as server:
        batch = finished(server, "a")

        (found,) = read(server, batch["output_file_id"])

    assert found["response"]["body"] == "<html>login</html>"


def test_rows_that_wait_to_be_tried_again_hold_nobody_up() -> None:
    calls: list[str] = []

    def answer(body: dict[str, Any]) -> str | Outcome:
        text = body["messages"][0]["content"]
        calls.append(text)
        return Outcome.status(503) if text == "say stuck" else "fine"

    with Server(answer=answer, concurrency=1, retry=Retry(first_s=3600, longest_s=3600)) as server:
        batch = create(server, upload(server, "stuck", "a", "b"))
        server.wait_until(lambda: len(server.ledger()) == 2)
        shown = requests.get(f"{server.base_url}/batches/{batch['id']}", timeout=60).json()

    assert calls == ["say stuck", "say a", "say b"]
    assert (shown["status"], shown["request_counts"]["completed"]) == ("in_progress", 2)


def test_a_cancelled_batch_is_not_tried_again() -> None:
    calls: list[str] = []
    is_tried_again = threading.Event()

    def answer(body: dict[str, Any]) -> str | Outcome:
        calls.append(body["messages"][0]["content"])
        if calls.count("say a") > 1:
            is_tried_again.set()
        return Outcome.status(503) if calls[-1] == "say a" else "fine"

    with Server(answer=answer, concurrency=1, retry=AT_ONCE) as server:
        batch = create(server, upload(server, "a"))
        is_tried_again.wait()
        requests.post(f"{server.base_url}/batches/{batch['id']}/cancel", timeout=60)
        before = len(calls)
        finished(server, *(f"other {row}" for row in range(50)))

    # One may have been on its way when the cancel came.
    assert calls[before:].count("say a") <= 1


@given(st.integers(0, 10_000))
def test_waits_double_up_to_their_bound(attempt: int) -> None:
    wait_s = Retry(most=10**6).wait_s(attempt, deadline=None)

    assert wait_s == (2.0**attempt if attempt < 4 else 10.0)


def test_what_fails_a_quarter_of_an_hour_before_the_deadline_or_later_has_failed() -> None:
    now = time.time()

    waits = [Retry().wait_s(0, deadline=now + left_s) for left_s in (-1, 800, 1000)]

    assert waits == [None, None, 1.0]
    assert Retry(stop_before_deadline_s=0).wait_s(0, deadline=now + 800) == 1.0


@brief
@given(st.text(), st.integers(0, 10_000), st.floats(0, 100), st.floats(0, 2))
def test_a_pace_is_the_same_for_the_same_row(row: str, tokens: int, latency_s: float, spread: float) -> None:
    pace = Pace(latency_s=latency_s, spread=spread, tokens_per_s=50)

    duration_s = pace.duration_s(row, tokens)

    assert duration_s == pace.duration_s(row, tokens)
    assert duration_s >= tokens / 50


def test_without_spread_every_row_takes_the_same_time() -> None:
    assert {Pace(latency_s=2).duration_s(str(row), 9) for row in range(100)} == {2.0}


def test_turns_are_so_far_apart_as_the_rate_says() -> None:
    turnstile = Turnstile(per_s=0.001)

    first, second, third = (turnstile.wait_s() for _ in range(3))

    assert first == 0
    assert 999 < second <= 1000
    assert 1999 < third <= 2000
