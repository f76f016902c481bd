"""Faults of exchanges happen as they are said, as often as they are said, and are told of."""

import contextlib
import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from dwbatch.local import Fired, Server
from tests.local.asking import create, finished, get, read, upload
from tests.waiting import until

ORDER = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}


def batches(server: Server, **query: Any) -> list[str]:
    return [one["id"] for one in get(server, "/batches", **query).json()["data"]]


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("during", 0), ("after", 1)])
def test_a_reset_loses_the_reply_and_before_it_the_work_too(when: Any, made: int) -> None:
    with Server() as server:
        order = {"input_file_id": upload(server, "a"), **ORDER}
        server.faults.reset("POST", "/batches", when=when)

        with pytest.raises(requests.ConnectionError):
            requests.post(f"{server.base_url}/batches", json=order, timeout=60)

        assert len(batches(server)) == made
        assert server.faults.fired == [Fired("reset", "POST /batches")]
        assert ("POST", "/v1/batches", 0) in server.exchanges()


def test_an_upload_reset_in_its_middle_leaves_no_file() -> None:
    with Server() as server:
        server.faults.reset("POST", "/files", when="during")

        with pytest.raises(requests.ConnectionError):
            upload(server, *(f"row-{number}" for number in range(20_000)))

        assert get(server, "/files").json()["data"] == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("<html>Bad gateway</html>", "text/html"),
        ("try later", "text/plain; charset=utf-8"),
        ({"error": {"message": "no"}}, "application/json"),
        (b"", None),
    ],
)
def test_another_reply_is_sent_as_what_it_looks_like(body: Any, kind: str | None) -> None:
    with Server() as server:
        server.faults.reply("GET", "/batches", status=502, body=body, headers={"Retry-After": "7"})

        reply = get(server, "/batches")

        assert (reply.status_code, reply.headers.get("content-type")) == (502, kind)
        assert reply.headers["retry-after"] == "7"
        assert get(server, "/batches").status_code == 200


def test_a_create_can_commit_and_say_500() -> None:
    with Server() as server:
        order = {"input_file_id": upload(server, "a"), **ORDER}
        server.faults.reply("POST", "/batches", status=500, body="Internal server error", when="after")

        reply = requests.post(f"{server.base_url}/batches", json=order, timeout=60)

        assert reply.status_code == 500
        assert len(batches(server)) == 1


@pytest.mark.parametrize("retry_after", ["60", "Wed, 21 Oct 2099 07:28:00 GMT", "99999999999", None])
def test_too_many_says_why_and_when_again(retry_after: str | None) -> None:
    with Server() as server:
        server.faults.too_many("GET", "/files", why="unverified", retry_after=retry_after)

        reply = get(server, "/files")

        assert reply.status_code == 429
        assert reply.json()["message"].startswith("Unverified accounts")
        assert reply.headers.get("retry-after") == retry_after


def test_a_fault_lets_some_pass_and_then_happens_as_often_as_said() -> None:
    with Server() as server:
        server.faults.reply("GET", "/files", status=503, skip=1, times=2)

        assert [get(server, "/files").status_code for _ in range(5)] == [200, 503, 503, 200, 200]


def test_a_fault_without_a_number_happens_until_faults_are_cleared() -> None:
    with Server() as server:
        server.faults.reply("*", "/files", status=503, times=None)
        before = [get(server, "/files").status_code for _ in range(3)]

        server.faults.clear()

        assert [*before, get(server, "/files").status_code] == [503, 503, 503, 200]
        assert len(server.faults.fired) == 3


def test_a_fault_of_one_query_spares_the_others() -> None:
    with Server() as server:
        server.faults.reply("GET", "/batches", status=500, query="search=")

        assert get(server, "/batches").status_code == 200
        assert get(server, "/batches", search="x").status_code == 500


def test_a_fresh_id_is_not_found_once() -> None:
    with Server() as server:
        batch = create(server, upload(server, "a"))
        server.faults.not_found("/batches/{id}")

        replies = [get(server, f"/batches/{batch['id']}") for _ in range(2)]

        assert [reply.status_code for reply in replies] == [404, 200]
        assert replies[0].text == f"Batch with ID {batch['id']} not found"


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("limit", [None, 50])
def test_a_body_that_is_cut_is_an_error_of_the_connection(end: Any, limit: int | None) -> None:
    with Server() as server:
        batch = finished(server, "a", "b", "c")
        server.faults.cut("GET", "/files/{id}/content", after_bytes=100, end=end)

        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            get(server, f"/files/{batch['output_file_id']}/content", limit=limit)

        assert len(read(server, batch["output_file_id"])) == 3


def test_a_body_that_is_cut_cleanly_looks_whole() -> None:
    with Server() as server:
        batch = finished(server, "a", "b", "c")
        server.faults.cut("GET", "/files/{id}/content", after_bytes=100, end="cleanly")

        reply = get(server, f"/files/{batch['output_file_id']}/content", limit=50)

        assert (len(reply.content), reply.headers["x-last-line"]) == (100, "3")


def test_a_reply_too_short_to_be_cut_is_no_occasion() -> None:
    with Server() as server:
        server.faults.cut("GET", "/files", after_bytes=10_000)

        get(server, "/files")

        assert server.faults.fired == []
        assert len(server.faults.unfired) == 1


def test_a_drip_sends_everything_in_the_end() -> None:
    with Server() as server:
        whole = get(server, "/models").text
        server.faults.drip("GET", "/models", piece_bytes=7, pause_s=0)

        assert get(server, "/models").text == whole
        assert server.faults.fired == [Fired("drip", "GET /models")]


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_client_that_waits_in_vain_gives_up(when: Any, made: int) -> None:
    with Server() as server:
        order = {"input_file_id": upload(server, "a"), **ORDER}
        server.faults.hang("POST", "/batches", when=when)

        with pytest.raises(requests.ReadTimeout):
            requests.post(f"{server.base_url}/batches", json=order, timeout=0.2)
        until(lambda: server.faults.fired)

        assert len(batches(server)) == made


def test_what_was_to_hang_and_is_cleared_while_it_is_still_received_does_not_hang() -> None:
    with Server() as server:
        server.faults.hang("POST", "/batches", when="after")
        body = json.dumps({"input_file_id": upload(server, "a"), **ORDER}).encode()
        with contextlib.closing(HTTPConnection(urlsplit(server.base_url).netloc, timeout=20)) as connection:
            connection.putrequest("POST", "/v1/batches")
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body[:1])
            until(lambda: server.faults.fired)

            server.faults.clear()
            connection.send(body[1:])

            assert connection.getresponse().status in {200, 201}


def test_a_list_may_ignore_what_it_is_asked_for() -> None:
    with Server() as server:
        made = [create(server, upload(server, "a"))["id"] for _ in range(3)]
        server.faults.ignore("search", path="/batches")
        server.faults.ignore("after", path="/batches")

        assert batches(server, search="nobody has this") == made[::-1]
        assert batches(server, limit=1, after=made[-1]) == made[:1:-1]


def test_a_list_may_lag_behind_creates_by_a_number_of_calls() -> None:
    with Server() as server:
        old = create(server, upload(server, "a"))["id"]
        server.faults.lag_list("batches", calls=2)
        new = create(server, upload(server, "a"))["id"]

        assert [batches(server) for _ in range(3)] == [[old], [old], [new, old]]
        assert get(server, f"/batches/{new}").status_code == 200


def test_a_list_may_lag_until_faults_are_cleared() -> None:
    with Server() as server:
        server.faults.lag_list("files")
        upload(server, "a")
        before = get(server, "/files").json()

        server.faults.clear()

        assert before == {"object": "list", "data": [], "has_more": False}
        assert len(get(server, "/files").json()["data"]) == 1
