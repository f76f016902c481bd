"""What buys or stores goes out exactly once, whatever happens to it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter

from dwbatch.errors import ApiError, DwbatchError, NotAnApiError, TransportError
from dwbatch.wire.client import Client
from dwbatch.wire.failures import NeverSentError
from tests.wire.awkward import AwkwardServer, Reply
from tests.wire.shapes import BATCH, KEY, as_json, as_text


def buy(client: Client) -> None:
    client.create_batch(input_file_id="f", endpoint="/v1/x", completion_window="24h", metadata={})


class AdapterOfTheUser(HTTPAdapter):
    pass


AWKWARD = {
    "503": as_text("", status=503, **{"Retry-After": "0"}),
    "429": as_text("", status=429, **{"Retry-After": "1"}),
    "408": as_text("", status=408),
    "redirect": Reply(status=308, headers={"Location": "/v1/batches"}),
    "no reply": Reply(silent=True, ending="close"),
    "reset": Reply(silent=True, ending="reset"),
    "half a reply": Reply(status=201, body=b"{", declared=90, ending="close"),
    "no HTTP": Reply(status=201, headers={"Content-Length": "nonsense"}, ending="close"),
    "created, unreadable": Reply(status=201, body=b"{", ending="keep"),
}


@pytest.mark.parametrize("reply", AWKWARD.values(), ids=AWKWARD.keys())
def test_a_purchase_is_one_request(
    server: AwkwardServer, client: Client, pauses: list[float], reply: Reply
) -> None:
    server.will(reply, as_json(BATCH, status=201))

    with pytest.raises(DwbatchError):
        buy(client)

    assert len(server.seen) == 1
    assert pauses == []


@pytest.mark.parametrize("adapter", [HTTPAdapter, AdapterOfTheUser])
def test_the_retries_of_the_users_session_are_not_ours(
    server: AwkwardServer, adapter: Callable[..., HTTPAdapter]
) -> None:
    eager = urllib3.Retry(5, allowed_methods=None, status_forcelist=[503], backoff_factor=0)
    session = requests.Session()
    session.mount("http://", adapter(max_retries=eager))
    server.will(as_text("", status=503), as_json(BATCH, status=201))

    with Client(server.base_url, KEY, session=session) as client, pytest.raises(ApiError):
        buy(client)

    assert len(server.seen) == 1


def test_an_upload_is_one_request(server: AwkwardServer, client: Client, tmp_path: Path) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b"{}\n")
    server.will(Reply(silent=True, ending="reset"))

    with pytest.raises(TransportError):
        client.upload(path, filename="a.jsonl")

    assert len(server.seen) == 1


@pytest.mark.parametrize("name", ["no reply", "reset", "half a reply", "created, unreadable"])
def test_a_lost_reply_to_a_purchase_is_unclear(server: AwkwardServer, client: Client, name: str) -> None:
    server.will(AWKWARD[name])

    with pytest.raises(TransportError) as caught:
        buy(client)

    assert not isinstance(caught.value, NeverSentError)


def test_a_web_page_sold_nothing(server: AwkwardServer, client: Client) -> None:
    server.will(Reply(headers={"Content-Type": "text/html"}, body=b"<html>"))

    with pytest.raises(NotAnApiError, match="a web page"):
        buy(client)


def test_a_silent_server_leaves_a_purchase_unclear(server: AwkwardServer) -> None:
    server.will(Reply(silent=True, ending="hold"))

    with Client(server.base_url, KEY, read_timeout_s=0.05) as client, pytest.raises(TransportError) as caught:
        buy(client)

    assert str(caught.value) == "POST /batches got no answer: no answer came in time."
    assert not isinstance(caught.value, NeverSentError)


def test_a_refused_connection_sent_nothing(refusing: Callable[..., Client]) -> None:
    with pytest.raises(NeverSentError, match="POST /batches got no answer: no connection could be made"):
        buy(refusing())


def test_a_purchase_goes_over_a_connection_of_its_own(server: AwkwardServer, client: Client) -> None:
    server.will(as_json(BATCH), as_json(BATCH, status=201), as_json(BATCH))

    client.batch("b1")
    buy(client)
    client.batch("b1")

    looked, bought, looked_again = (seen.connection for seen in server.seen)
    assert bought != looked
    assert looked_again == looked
