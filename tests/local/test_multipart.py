"""The multipart body of an upload: its fields, in whatever order and number they come."""

import json
import socket
from collections.abc import Iterator

import pytest
import requests

from dwbatch.local import Limits, Server
from dwbatch.local.uploads import OVERHEAD_BYTES
from tests.local.asking import get, line

Part = tuple[str, str | None, bytes]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(limits=Limits(max_file_bytes=1000)) as running:
        yield running


def one(custom_id: str) -> bytes:
    return json.dumps(line(custom_id)).encode()


def body(*parts: Part) -> bytes:
    def head(name: str, filename: str | None) -> str:
        return f'name="{name}"' + ("" if filename is None else f'; filename="{filename}"')

    return b"".join(
        f"--edge\r\nContent-Disposition: form-data; {head(name, filename)}\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, filename, content in parts
    )


def post(server: Server, sent: bytes) -> requests.Response:
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    return requests.post(f"{server.base_url}/files", data=sent, headers=headers, timeout=60)


def send(server: Server, *parts: Part) -> requests.Response:
    return post(server, body(*parts) + b"--edge--\r\n")


@pytest.mark.parametrize("purpose", ["batch", "BATCH"])
def test_fields_may_follow_the_file_and_unknown_ones_are_skipped(server: Server, purpose: str) -> None:
    reply = send(
        server,
        ("model", None, b"x"),
        ("file", "a.jsonl", one("a")),
        ("expires_after[anchor]", None, b"whatever"),
        ("expires_after[seconds]", None, b"60"),
        ("purpose", None, purpose.encode()),
    )

    shown = reply.json()
    assert (reply.status_code, shown["purpose"], shown["bytes"]) == (201, "batch", len(one("a")))
    assert shown["expires_at"] - shown["created_at"] in range(60, 65)


def test_several_files_are_one_file_and_each_ends_its_last_line(server: Server) -> None:
    reply = send(server, ("file", "a.jsonl", one("a")), ("file", "b.jsonl", one("b")))

    shown = reply.json()
    assert shown["bytes"] == len(one("a") + one("b"))
    lines = get(server, f"/files/{shown['id']}/content").text.splitlines()
    assert [json.loads(each)["custom_id"] for each in lines] == ["a", "b"]


def test_a_file_without_a_purpose_is_shown_as_batch_and_not_found_as_such(server: Server) -> None:
    reply = send(server, ("file", "a.jsonl", one("a")))

    assert reply.json()["purpose"] == "batch"
    assert get(server, "/files", purpose="batch").json()["data"] == []


def test_a_wrong_purpose_is_refused_before_the_file_is_looked_at(server: Server) -> None:
    reply = send(server, ("purpose", None, b"assistants"), ("file", "a.jsonl", b"not JSON"))

    assert (reply.status_code, reply.text) == (
        400,
        "Invalid purpose 'assistants'. Only 'batch' is supported.",
    )


def test_a_body_without_its_end_is_refused(server: Server) -> None:
    reply = post(server, body(("file", "a.jsonl", one("a"))))

    assert (reply.status_code, reply.text) == (
        400,
        "Failed to read multipart upload: Error parsing `multipart/form-data` request",
    )


def test_the_bound_is_of_the_file_and_not_of_what_stands_around_it(server: Server) -> None:
    exact = one("a").ljust(1000)
    around: Part = ("note", None, b"x" * 5000)

    fits, too_much = send(server, around, ("file", "a", exact)), send(server, ("file", "a", exact + b" "))

    assert fits.status_code == 201
    assert (too_much.status_code, too_much.text) == (
        413,
        "File exceeds the maximum allowed size of 1000 bytes",
    )


@pytest.mark.parametrize(("beyond", "status"), [(0, 400), (1, 413)])
def test_what_is_announced_beyond_the_bound_is_refused_unread(
    server: Server, beyond: int, status: int
) -> None:
    # Not even multipart: the length is looked at first.
    reply = requests.post(
        f"{server.base_url}/files", data=b"x" * (1000 + OVERHEAD_BYTES + beyond), timeout=60
    )

    assert reply.status_code == status


def test_an_upload_that_finds_the_queue_full_is_told_so() -> None:
    limits = Limits(concurrent_uploads=1, waiting_uploads=0)
    with Server(limits=limits) as server, socket.create_connection(("127.0.0.1", server.port)) as hanging:
        hanging.sendall(
            b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=edge\r\n"
            b"Content-Length: 100\r\n\r\n--edge\r\n"
        )
        while not server._running().uploading:
            pass

        reply = send(server, ("file", "a.jsonl", one("a")))

        assert (reply.status_code, reply.headers["retry-after"]) == (429, "60")
        assert reply.json() == {
            "error": "too_many_requests",
            "message": "Too many file uploads in progress. Please retry later.",
            "retry_after_seconds": 30,
        }
