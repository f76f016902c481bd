"""The key is in no exception, whichever way it is looked at, and goes to no other host."""

import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import requests

from dwbatch.errors import CredentialsError, DwbatchError
from dwbatch.wire.client import Client
from dwbatch.wire.retry import ONCE
from dwbatch.wire.sessions import KeyAuth, Sessions
from tests.wire.awkward import AwkwardServer, Reply
from tests.wire.shapes import KEY, as_json, as_text


def everything_in(error: BaseException) -> Iterator[str]:
    """All that a log, a debugger or an error reporter could print of an exception."""
    seen: set[int] = set()
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        links += [link.__cause__, link.__context__]
        yield from (str(link), repr(link), repr(link.args), repr(vars(link)))
        yield from values_of(getattr(getattr(link, "request", None), "headers", None))
        frame = link.__traceback__
        while frame is not None:
            for name, local in frame.tb_frame.f_locals.items():
                yield f"{name}={local!r}"
                yield from values_of(local)
                yield from values_of(getattr(local, "headers", None))
            frame = frame.tb_next


def values_of(found: object) -> Iterator[str]:
    if isinstance(found, Mapping):
        yield from (str(value) for value in found.values())


def failure_of(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - Ctrl-C is one of the cases
        return error
    raise AssertionError("the call went well")


CALLS: dict[str, Callable[[Client], object]] = {
    "GET": lambda client: client.batch("b1"),
    "POST": lambda client: client.create_batch(
        input_file_id="f", endpoint="/v1/x", completion_window="24h", metadata={}
    ),
}

AWKWARD = {
    "no reply": Reply(silent=True, ending="close"),
    "reset": Reply(silent=True, ending="reset"),
    "silence": Reply(silent=True, ending="hold"),
    "half a reply": Reply(body=b"{", declared=90, ending="close"),
    "key repeated in text": as_text(f"Incorrect API key provided: {KEY}", status=401),
    "key repeated in a page": Reply(status=502, body=f"<html>Authorization: Bearer {KEY}".encode()),
    "key repeated in an object": as_json({"object": KEY}),
    "redirect": Reply(status=302, headers={"Location": "https://elsewhere.example"}),
    "no HTTP": Reply(status=200, headers={"Content-Length": "nonsense"}, ending="close"),
    "unknown encoding": Reply(headers={"Content-Encoding": "gzip"}, body=b"not gzip"),
}


@pytest.mark.parametrize("reply", AWKWARD.values(), ids=AWKWARD.keys())
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_no_failure_shows_the_key(server: AwkwardServer, reply: Reply, method: str) -> None:
    server.will(*[reply] * 4)

    with Client(server.base_url, KEY, pause=lambda _: None, read_timeout_s=0.2) as client:
        error = failure_of(lambda: CALLS[method](client))

    assert isinstance(error, DwbatchError)
    assert not [text for text in everything_in(error) if KEY in text]
    assert KEY.encode() not in pickle.dumps(error)


def test_a_refused_connection_does_not_show_the_key(refusing: Callable[..., Client]) -> None:
    error = failure_of(lambda: refusing().batch("b1"))

    assert not [text for text in everything_in(error) if KEY in text]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
def test_what_breaks_into_a_call_does_not_show_the_key(
    server: AwkwardServer, kind: type[BaseException]
) -> None:
    def broken(_seconds: float) -> None:
        raise kind

    server.will(as_text("", status=503))

    with Client(server.base_url, KEY, pause=broken) as client:
        error = failure_of(lambda: client.batch("b1"))

    assert isinstance(error, kind)
    assert not [text for text in everything_in(error) if KEY in text]


def test_a_stopped_upload_does_not_show_the_key(server: AwkwardServer, tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"{}\n")
    stopping = threading.Event()
    stopping.set()

    with Client(server.base_url, KEY, stopping=stopping) as client:
        error = failure_of(lambda: client.upload(path, filename="a.jsonl"))

    assert not [text for text in everything_in(error) if KEY in text]


def test_no_repr_shows_the_key(client: Client) -> None:
    shown = [repr(client), repr(client._line._auth), repr(vars(client._line._auth)), repr(vars(client._line))]

    assert not [text for text in shown if KEY in text]


@pytest.mark.parametrize("bad", ["sk-one\r\nX-Evil: 1", "sk one", "sk-é", "\N{ZERO WIDTH SPACE}sk", ""])
def test_a_client_refuses_a_key_that_cannot_be_sent(bad: str) -> None:
    with pytest.raises(CredentialsError, match="copy it again") as caught:
        Client("https://api.example/v1", bad)

    assert not bad or bad not in str(caught.value)


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "netrc"
    path.write_text("default login somebody password else\n", encoding="utf-8")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize(("key", "header"), [(KEY, f"Bearer {KEY}"), (None, None)])
def test_netrc_never_takes_the_place_of_the_key(key: str | None, header: str | None) -> None:
    sessions = Sessions(like=None, patience=ONCE, on_loopback=False)
    request = requests.Request("GET", "https://api.example/v1/batches", auth=KeyAuth(key))

    prepared = sessions.repeating().prepare_request(request)

    assert prepared.headers.get("Authorization") == header
    sessions.close()
