import copy
import json
import logging
import pickle
from decimal import Decimal
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from itertools import islice
from pathlib import Path

import pytest

from dwbatch.errors import ApiError, InputError, NotAnApiError, TransportError
from dwbatch.wire.client import Client
from tests.wire.awkward import AwkwardServer, Reply, Seen
from tests.wire.shapes import BATCH, FILE, KEY, as_json, as_text, page_of


def parts_of(seen: Seen) -> list[EmailMessage]:
    whole = b"Content-Type: " + seen.headers["content-type"].encode() + b"\r\n\r\n" + seen.body
    message = BytesParser(EmailMessage, policy=HTTP).parsebytes(whole)
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


def test_an_upload_is_a_form_with_purpose_and_file(
    server: AwkwardServer, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "shard"
    path.write_bytes(b'{"a": 1}\n')
    server.will(as_json(FILE, status=201))

    file = client.upload(path, filename="mark.jsonl")

    assert file.id == "f1"
    purpose, content = parts_of(server.seen[0])
    assert (purpose.get_param("name", header="Content-Disposition"), purpose.get_payload()) == (
        "purpose",
        "batch",
    )
    assert content.get_filename() == "mark.jsonl"
    assert content.get_payload(decode=True) == b'{"a": 1}\n'


def test_a_batch_is_bought_with_what_was_asked(server: AwkwardServer, client: Client) -> None:
    server.will(as_json(BATCH, status=201))

    batch = client.create_batch(
        input_file_id="f1", endpoint="/v1/embeddings", completion_window="24h", metadata={"token": "t"}
    )

    assert batch.status == "validating"
    assert json.loads(server.seen[0].body) == {
        "input_file_id": "f1",
        "endpoint": "/v1/embeddings",
        "completion_window": "24h",
        "metadata": {"token": "t"},
    }
    assert server.seen[0].headers["content-type"] == "application/json"


def test_every_call_names_the_library_and_carries_the_key(server: AwkwardServer, client: Client) -> None:
    server.will(as_json(BATCH))

    client.batch("b1")

    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert server.seen[0].headers["user-agent"].startswith("dwbatch/")


def test_without_a_key_none_is_sent(server: AwkwardServer) -> None:
    server.will(as_json(BATCH))

    with Client(server.base_url, None) as client:
        client.batch("b1")

    assert "authorization" not in server.seen[0].headers


def test_a_word_given_as_a_key_is_not_cut_out_of_the_answer(server: AwkwardServer) -> None:
    server.will(as_json(BATCH))

    with Client(server.base_url, "batch") as client:
        assert client.batch("b1").id == "b1"


def test_an_id_cannot_lead_to_another_path(server: AwkwardServer, client: Client) -> None:
    server.will(as_json(BATCH))

    client.batch("../files?x")

    assert server.seen[0].target == "/v1/batches/..%2Ffiles%3Fx"


def test_cancel_posts_without_a_body(server: AwkwardServer, client: Client) -> None:
    server.will(as_json({**BATCH, "status": "cancelled"}))

    batch = client.cancel("b1")

    assert batch.status == "cancelled"
    assert (server.seen[0].method, server.seen[0].target) == ("POST", "/v1/batches/b1/cancel")
    assert server.seen[0].body_length == 0


def test_pages_follow_the_cursor(server: AwkwardServer, client: Client) -> None:
    server.will(
        page_of({**FILE, "id": "f2"}, {**FILE, "id": "f1"}, has_more=True), page_of({**FILE, "id": "f0"})
    )

    files = list(client.files(search="mark", page=2))

    assert [file.id for file in files] == ["f2", "f1", "f0"]
    assert [seen.target for seen in server.seen] == [
        "/v1/files?search=mark&limit=2",
        "/v1/files?search=mark&limit=2&after=f1",
    ]


def test_paging_ends_when_an_unknown_cursor_sends_the_first_page_again(
    server: AwkwardServer, client: Client
) -> None:
    again = page_of({**BATCH, "id": "b2"}, BATCH, has_more=True)
    server.will(again, again, again)

    batches = list(client.batches())

    assert [batch.id for batch in batches] == ["b2", "b1"]
    assert len(server.seen) == 2


def test_a_page_that_nobody_reads_is_not_asked_for(server: AwkwardServer, client: Client) -> None:
    server.will(page_of(BATCH, has_more=True))

    first = list(islice(client.batches(), 1))

    assert [batch.id for batch in first] == ["b1"]
    assert len(server.seen) == 1


def test_an_empty_list_has_no_batches(server: AwkwardServer, client: Client) -> None:
    server.will(page_of(has_more=True))

    assert list(client.batches(search="x")) == []


def test_costs_stay_decimal(server: AwkwardServer, client: Client) -> None:
    server.will(
        as_json({"file_id": "f1", "total_estimated_cost": "0.000019800000000", "models": []}),
        as_json({"total_requests": 2, "total_cost": "0.00001980"}),
    )

    estimate = client.estimate("f1", completion_window="1h")
    analytics = client.analytics("b1")

    assert estimate.total_estimated_cost == Decimal("0.0000198")
    assert analytics.total_cost == Decimal("0.0000198")
    assert server.seen[0].target == "/v1/files/f1/cost-estimate?completion_window=1h"


def test_an_error_reply_becomes_an_api_error(server: AwkwardServer, client: Client) -> None:
    server.will(as_text("Batch with ID b1 not found", status=404))

    with pytest.raises(ApiError, match="GET /batches/b1 was answered with 404: Batch with ID b1 not found"):
        client.batch("b1")


def test_an_error_reply_cut_short_keeps_its_status(server: AwkwardServer, client: Client) -> None:
    server.will(Reply(status=402, body=b"Account balance", declared=5000, ending="close"))

    with pytest.raises(ApiError) as caught:
        client.create_batch(input_file_id="f", endpoint="/v1/x", completion_window="24h", metadata={})

    assert caught.value.status == 402


@pytest.mark.parametrize(
    "reply",
    [
        Reply(headers={"Content-Type": "text/html"}, body=b"<html><title>Dashboard</title></html>"),
        Reply(headers={"Content-Type": "application/json"}, body=b"<html>"),
        Reply(headers={"Content-Type": "application/json"}, body=b"\xff\xfe"),
        as_json({"id": "b1", "status": "x"}),
        as_json({"id": "b1", "object": "file", "status": "x"}),
        as_json({"id": 7, "object": "batch", "status": []}),
        as_json([1, 2]),
        Reply(status=206, body=b"{}"),
        Reply(status=204),
    ],
)
def test_what_is_not_the_api_is_not_believed(server: AwkwardServer, client: Client, reply: Reply) -> None:
    server.will(reply)

    with pytest.raises(NotAnApiError, match="base URL is probably wrong"):
        client.batch("b1")


def test_a_redirect_is_named_and_not_followed(server: AwkwardServer, client: Client) -> None:
    server.will(Reply(status=307, headers={"Location": f"{server.base_url}/elsewhere"}))

    with pytest.raises(NotAnApiError, match=r"a redirect to 'http://127\.0\.0\.1:\d+/v1/elsewhere'"):
        client.batch("b1")

    assert len(server.seen) == 1


def test_an_endless_reply_is_given_up(
    server: AwkwardServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dwbatch.wire.line.MAX_REPLY_BYTES", 1000)
    server.will(as_json({**BATCH, "metadata": {"long": "x" * 2000}}))

    with pytest.raises(NotAnApiError, match="more than 1,000 bytes"):
        client.batch("b1")


def test_a_reply_cut_short_is_no_reply(server: AwkwardServer, client: Client) -> None:
    server.will(
        Reply(headers={"Content-Type": "application/json"}, body=b'{"id"', declared=500, ending="close")
    )

    with pytest.raises(TransportError, match="GET /batches/b1 got no answer"):
        client.batch("b1")


def test_a_call_is_one_debug_line_without_bodies(
    server: AwkwardServer, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="dwbatch")
    server.will(as_json({**BATCH, "metadata": {"secret": "private"}}, status=201))

    client.create_batch(
        input_file_id="f", endpoint="/v1/x", completion_window="24h", metadata={"secret": "private"}
    )

    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("dwbatch")]
    assert line.startswith("POST /batches: 201 after ")
    assert "private" not in line


def test_a_client_is_neither_pickled_nor_copied(client: Client) -> None:
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        pickle.dumps(client)
    with pytest.raises(TypeError, match="cannot be pickled or copied"):
        copy.copy(client)


def test_the_word_local_is_resolved_before_a_client_is_made() -> None:
    with pytest.raises(InputError, match="not the word 'local'"):
        Client("local", None)
