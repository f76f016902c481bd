import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from dwbatch.errors import ApiError
from dwbatch.wire.client import Client
from dwbatch.wire.retry import ONCE
from dwbatch.wire.sessions import Sessions
from tests.wire.awkward import AwkwardServer, Seen
from tests.wire.shapes import BATCH, FILE, KEY, as_json, as_text


def buy(client: Client) -> None:
    client.create_batch(input_file_id="f", endpoint="/v1/x", completion_window="24h", metadata={})


def both_calls(server: AwkwardServer, session: requests.Session) -> list[Seen]:
    server.will(as_json(BATCH), as_json(BATCH, status=201))
    with Client(server.base_url, KEY, session=session) as client:
        client.batch("b1")
        buy(client)
    return server.seen


def test_headers_cookies_and_parameters_of_the_users_session_are_used(server: AwkwardServer) -> None:
    session = requests.Session()
    session.headers["X-Team"] = "blue"
    session.headers["Authorization"] = "Basic of-another"
    session.cookies.set("sticky", "7")
    session.params = {"api-version": "1"}

    seen = both_calls(server, session)

    assert [one.headers["x-team"] for one in seen] == ["blue", "blue"]
    assert [one.headers["cookie"] for one in seen] == ["sticky=7", "sticky=7"]
    assert [one.headers["authorization"] for one in seen] == [f"Bearer {KEY}"] * 2
    assert [one.target for one in seen] == ["/v1/batches/b1?api-version=1", "/v1/batches?api-version=1"]


def test_certificates_and_proxies_of_the_users_session_are_used(tmp_path: Path) -> None:
    like = requests.Session()
    like.verify, like.cert = str(tmp_path / "ca.pem"), ("cert.pem", "key.pem")
    like.proxies = {"https": "http://proxy.example:3128"}
    like.trust_env = False

    session = Sessions(like=like, patience=ONCE, on_loopback=False).once()

    assert (session.verify, session.cert) == (like.verify, like.cert)
    assert session.proxies == like.proxies
    assert session.trust_env is False


def test_the_users_session_is_left_as_it_was(server: AwkwardServer) -> None:
    session = requests.Session()
    before = dict(session.headers)
    server.will(as_json(BATCH))

    with Client(server.base_url, KEY, session=session) as client:
        client.batch("b1")

    assert dict(session.headers) == before
    assert list(session.cookies) == []


def test_a_hook_that_raises_does_not_hide_the_answer(server: AwkwardServer) -> None:
    session = requests.Session()
    session.hooks["response"] = [lambda response, *_, **__: response.raise_for_status()]
    server.will(as_text("Account balance too low.", status=402))

    with Client(server.base_url, KEY, session=session) as client, pytest.raises(ApiError, match="402"):
        buy(client)


class Tagging(HTTPAdapter):
    """An adapter with a setting of its own, which copying it naively would lose."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.tag = tag

    def add_headers(self, request: requests.PreparedRequest, **_: object) -> None:
        request.headers["X-Tag"] = self.tag


def test_an_adapter_of_the_users_own_is_used(server: AwkwardServer) -> None:
    session = requests.Session()
    session.mount("http://127.0.0.1", Tagging("blue"))

    seen = both_calls(server, session)

    assert [one.headers["x-tag"] for one in seen] == ["blue", "blue"]


class Timing(HTTPAdapter):
    def __init__(self, timeouts: list[object]) -> None:
        super().__init__()
        self.timeouts = timeouts

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        self.timeouts.append(kwargs["timeout"])
        return super().send(*args, **kwargs)


def test_a_slow_uplink_has_longer_than_a_connection(server: AwkwardServer, tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"{}\n")
    timeouts: list[object] = []
    session = requests.Session()
    session.mount("http://", Timing(timeouts))
    server.will(as_json(BATCH), as_json(FILE, status=201))

    with Client(server.base_url, KEY, session=session, connect_timeout_s=2.0, read_timeout_s=9.0) as client:
        client.batch("b1")
        client.upload(path, filename="a.jsonl")

    assert timeouts == [(2.0, 9.0), (60.0, 9.0)]


def test_a_proxy_from_the_environment_is_not_asked_for_this_machine(
    server: AwkwardServer, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server.will(as_json(BATCH))

    with Client(server.base_url, KEY) as client:
        assert client.batch("b1").id == "b1"


def test_each_thread_has_its_session_and_keeps_it() -> None:
    sessions = Sessions(like=None, patience=ONCE, on_loopback=False)
    of_threads: list[requests.Session] = []

    threads = [threading.Thread(target=lambda: of_threads.append(sessions.repeating())) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    mine = sessions.repeating()

    assert len({id(session) for session in [*of_threads, mine]}) == 3
    assert sessions.repeating() is mine
    sessions.close()


def test_closing_closes_the_sessions_of_all_threads(server: AwkwardServer) -> None:
    server.will(as_json(BATCH), as_json(BATCH))
    client = Client(server.base_url, KEY)
    thread = threading.Thread(target=client.batch, args=("b1",))
    thread.start()
    thread.join()
    client.batch("b1")
    opened = list(client._line._sessions._opened)

    client.close()

    pools = [session.get_adapter("http://x").poolmanager.pools for session in opened]  # type: ignore[attr-defined]  # HTTPAdapter, by construction
    assert [len(pool) for pool in pools] == [0, 0]
