import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from dwbatch.errors import ApiError, TransportError
from dwbatch.wire.client import Client
from dwbatch.wire.failures import NeverSentError, StoppedError
from dwbatch.wire.retry import LONGEST_WAIT_S, TRIES, Patience
from tests.wire.awkward import AwkwardServer, Reply
from tests.wire.shapes import BATCH, as_json, as_text


@pytest.mark.parametrize(
    "reply",
    [
        as_text("", status=500),
        as_text("", status=522),
        Reply(silent=True, ending="close"),
        Reply(silent=True, ending="reset"),
    ],
)
def test_reading_is_tried_again(
    server: AwkwardServer, client: Client, pauses: list[float], reply: Reply
) -> None:
    server.will(reply, as_json(BATCH))

    assert client.batch("b1").id == "b1"
    assert len(pauses) == 1


def test_cancelling_is_tried_again(server: AwkwardServer, client: Client) -> None:
    server.will(as_text("", status=502), as_json(BATCH))

    assert client.cancel("b1").id == "b1"


def test_after_a_few_tries_the_last_answer_stands(
    server: AwkwardServer, client: Client, pauses: list[float]
) -> None:
    server.will(*[as_text("Busy", status=503)] * 9)

    with pytest.raises(ApiError, match="answered with 503: Busy"):
        client.batch("b1")

    assert len(server.seen) == TRIES
    assert len(pauses) == TRIES - 1


def test_a_connection_that_cannot_be_made_is_tried_again(
    refusing: Callable[..., Client], pauses: list[float]
) -> None:
    with pytest.raises(NeverSentError):
        refusing().batch("b1")

    assert len(pauses) == TRIES - 1


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404])
def test_a_definite_answer_is_not_asked_for_twice(server: AwkwardServer, client: Client, status: int) -> None:
    server.will(as_text("No", status=status))

    with pytest.raises(ApiError):
        client.batch("b1")

    assert len(server.seen) == 1


def test_a_short_wait_that_the_server_asks_for_is_kept_to(
    server: AwkwardServer, client: Client, pauses: list[float]
) -> None:
    server.will(as_text("", status=429, **{"Retry-After": "7"}), as_json(BATCH))

    client.batch("b1")

    assert pauses == [7.0]


def test_a_long_wait_that_the_server_asks_for_is_left_to_the_caller(
    server: AwkwardServer, client: Client, pauses: list[float]
) -> None:
    server.will(as_text("Busy", status=503, **{"Retry-After": "86400"}))

    with pytest.raises(ApiError) as caught:
        client.batch("b1")

    assert caught.value.retry_after_s == 86400
    assert pauses == []


def test_what_pause_raises_ends_the_call(server: AwkwardServer) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    server.will(as_text("", status=503))

    with Client(server.base_url, None, pause=interrupted) as client, pytest.raises(KeyboardInterrupt):
        client.batch("b1")

    assert len(server.seen) == 1


def test_a_client_told_to_stop_makes_no_further_try(server: AwkwardServer) -> None:
    stopping = threading.Event()
    server.will(as_text("", status=503), as_json(BATCH))

    client = Client(server.base_url, None, pause=lambda _: stopping.set(), stopping=stopping)
    with client, pytest.raises(StoppedError, match="GET /batches/b1"):
        client.batch("b1")

    assert len(server.seen) == 1


def test_a_client_told_to_stop_still_makes_single_calls(server: AwkwardServer) -> None:
    stopping = threading.Event()
    stopping.set()
    server.will(as_json(BATCH))

    with Client(server.base_url, None, stopping=stopping) as client:
        assert client.cancel("b1").id == "b1"


@given(tries=st.integers(1, 60))
def test_no_wait_of_our_own_is_longer_than_the_longest(tries: int) -> None:
    waits: list[float] = []
    policy = Patience(pause=waits.append, total=None)

    for _ in range(tries):
        policy = policy.increment("GET", "/", error=OSError())
        policy.sleep()

    assert all(0 < wait <= LONGEST_WAIT_S for wait in waits)


def test_waits_grow() -> None:
    waits: list[float] = []
    policy = Patience(pause=waits.append, total=None)

    for _ in range(4):
        policy = policy.increment("GET", "/", error=OSError())
        policy.sleep()

    assert waits == sorted(waits)
    assert len(set(waits)) == 4


def test_a_local_server_that_moved_is_found_without_waiting(
    refusing: Callable[..., Client], server: AwkwardServer, pauses: list[float]
) -> None:
    server.will(as_json(BATCH), as_json(BATCH))
    moves = iter([server.base_url])
    client = refusing(relocate=lambda: next(moves))

    client.batch("b1")
    client.batch("b1")

    assert pauses == []
    assert client.base_url == server.base_url


class Counting(HTTPAdapter):
    def __init__(self, refused: threading.Semaphore) -> None:
        super().__init__()
        self.refused = refused

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            return super().send(*args, **kwargs)
        except requests.ConnectionError:
            self.refused.release()
            raise


def test_two_threads_ask_once_where_the_local_server_moved(
    refusing: Callable[..., Client], server: AwkwardServer
) -> None:
    refused = threading.Semaphore(0)
    session = requests.Session()
    session.mount("http://", Counting(refused))
    moves = iter([server.base_url])

    def relocate() -> str:
        # Held back until the other thread, too, was refused at the old place.
        refused.acquire(timeout=60)
        refused.acquire(timeout=60)
        return next(moves)

    server.will(as_json(BATCH), as_json(BATCH))
    client = refusing(relocate=relocate, session=session)
    with ThreadPoolExecutor(2) as threads:
        batches = list(threads.map(client.batch, ["b1", "b1"]))

    assert [batch.id for batch in batches] == ["b1", "b1"]


def test_a_purchase_that_was_refused_follows_the_local_server(
    refusing: Callable[..., Client], server: AwkwardServer
) -> None:
    server.will(as_json(BATCH, status=201))
    client = refusing(relocate=lambda: server.base_url)

    client.create_batch(input_file_id="f", endpoint="/v1/x", completion_window="24h", metadata={})

    assert len(server.seen) == 1


def test_a_local_server_cannot_move_to_another_machine(refusing: Callable[..., Client]) -> None:
    client = refusing(relocate=lambda: "https://elsewhere.example/v1")

    with pytest.raises(ValueError, match=r"cannot have moved to 'https://elsewhere\.example/v1'"):
        client.batch("b1")


def test_a_local_server_that_is_nowhere_is_an_error(
    refusing: Callable[..., Client], closed_port: int
) -> None:
    client = refusing(relocate=lambda: f"http://127.0.0.1:{closed_port}/v1")

    with pytest.raises(TransportError):
        client.batch("b1")
