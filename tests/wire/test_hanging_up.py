"""A call that hangs is ended from another thread, wherever it hangs."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter

from dwbatch.errors import TransportError
from dwbatch.wire.client import Client
from dwbatch.wire.failures import NeverSentError
from tests.wire.awkward import AwkwardServer, Reply
from tests.wire.shapes import BATCH, KEY, as_json

SILENT = Reply(silent=True, ending="hold")
HALF = {"headers": {"Content-Type": "application/json"}, "body": b'{"id": ', "declared": 90, "ending": "hold"}

Make = Callable[[Client], object]


class Hanging:
    """A call in a thread of its own, which hangs."""

    def __init__(self, make: Callable[[], object]) -> None:
        self.ended_with: BaseException | None = None
        self._make = make
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._make()
        except TransportError as error:
            self.ended_with = error

    def end(self) -> BaseException | None:
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()
        return self.ended_with


class Asked(AwkwardServer):
    """Says when a request has come in whole."""

    def until_asked(self, times: int = 1) -> None:
        while len(self.seen) < times:
            self.closing.wait(0.005)


@pytest.fixture
def asked() -> Iterator[Asked]:
    server = Asked()
    yield server
    server.close()


def read(client: Client) -> object:
    with client.content("f1") as content:
        return b"".join(content.blocks())


def buy(client: Client) -> object:
    return client.create_batch(input_file_id="f", endpoint="/v1/x", completion_window="24h", metadata={})


CALLS: dict[str, tuple[Make, Reply]] = {
    "before the answer": (lambda client: client.batch("b1"), SILENT),
    "a purchase": (buy, SILENT),
    "within the answer": (lambda client: client.batch("b1"), Reply(**HALF)),  # type: ignore[arg-type] # as declared above
    "within a file": (read, Reply(headers={"Connection": "close"}, body=b"{}\n", declared=90, ending="hold")),
}


@pytest.mark.parametrize(("make", "reply"), CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("is_own", [False, True], ids=["plain", "adapter of the user"])
def test_a_call_that_hangs_ends_as_unclear(asked: Asked, make: Make, reply: Reply, *, is_own: bool) -> None:
    asked.will(reply)
    session, stopping = requests.Session(), threading.Event()
    if is_own:
        session.mount("http://", type("Own", (HTTPAdapter,), {})())
    with Client(asked.base_url, KEY, session=session, stopping=stopping) as client:
        hanging = Hanging(lambda: make(client))
        asked.until_asked()

        stopping.set()
        client.hang_up()

        ended_with = hanging.end()
    assert isinstance(ended_with, TransportError)
    assert not isinstance(ended_with, NeverSentError)
    assert len(asked.seen) == 1


def test_an_upload_that_hangs_ends(asked: Asked, tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"{}\n")
    asked.will(SILENT)
    stopping = threading.Event()
    with Client(asked.base_url, KEY, stopping=stopping) as client:
        hanging = Hanging(lambda: client.upload(path, filename="a.jsonl"))
        asked.until_asked()

        stopping.set()
        client.hang_up()

        assert isinstance(hanging.end(), TransportError)


def test_a_call_through_a_proxy_that_hangs_ends(asked: Asked) -> None:
    asked.will(SILENT)
    session, stopping = requests.Session(), threading.Event()
    session.proxies = {
        "https": asked.base_url.removesuffix("/v1"),
        "http": asked.base_url.removesuffix("/v1"),
    }
    with Client("http://127.0.0.1:9/v1", KEY, session=session, stopping=stopping) as client:
        hanging = Hanging(lambda: client.batch("b1"))
        asked.until_asked()

        stopping.set()
        client.hang_up()

        assert isinstance(hanging.end(), TransportError)


def test_a_connection_made_too_late_comes_to_nothing(asked: Asked) -> None:
    asked.will(as_json(BATCH))
    with Client(asked.base_url, KEY, pause=lambda _: None) as client:
        client.hang_up()

        with pytest.raises(TransportError):
            client.batch("b1")

    assert asked.seen == []


def test_the_connections_of_the_users_own_adapter_are_not_ended(asked: Asked) -> None:
    session = requests.Session()
    session.mount("http://", type("Own", (HTTPAdapter,), {})())
    asked.will(as_json(BATCH), as_json(BATCH), as_json(BATCH))
    url = f"{asked.base_url}/batches/b1"
    session.get(url, timeout=5)

    with Client(asked.base_url, KEY, session=session) as client:
        client.batch("b1")
        client.hang_up()
    session.get(url, timeout=5)

    assert [seen.connection for seen in asked.seen] == [1, 2, 1]
    session.close()
