import gzip
import threading

import pytest

from dwbatch.errors import ApiError, NotAnApiError, TransportError
from dwbatch.wire.client import Client
from dwbatch.wire.content import BLOCK_BYTES, Content
from dwbatch.wire.failures import StoppedError
from tests.wire.awkward import AwkwardServer, Reply
from tests.wire.shapes import KEY, as_text

NDJSON = {"Content-Type": "application/x-ndjson"}
FULL = b"x" * (BLOCK_BYTES - 1) + b"\n"


def read(content: Content) -> tuple[bytes, type[Exception] | None]:
    got = b""
    try:
        for block in content.blocks():
            got += block
    except TransportError as error:
        return got, type(error)
    return got, None


def test_lines_arrive_with_what_the_server_says_about_them(server: AwkwardServer, client: Client) -> None:
    said = {**NDJSON, "X-Incomplete": "true", "X-Last-Line": "4"}
    server.will(Reply(headers=said, pieces=[b'{"a":1}\n', b'{"a":2}\n']))

    with client.content("f1", skip=2) as content:
        lines, _ = read(content)

    assert lines == b'{"a":1}\n{"a":2}\n'
    assert (content.incomplete, content.last_line) == (True, 4)
    assert server.seen[0].target == "/v1/files/f1/content?skip=2"


def test_without_the_headers_nothing_is_said(server: AwkwardServer, client: Client) -> None:
    server.will(Reply(headers={**NDJSON, "X-Last-Line": "many"}))

    with client.content("f1") as content:
        lines, _ = read(content)

    assert lines == b""
    assert (content.incomplete, content.last_line) == (None, None)
    assert server.seen[0].target == "/v1/files/f1/content"


CUT = {
    "between chunks": Reply(headers=NDJSON, pieces=[b"line 1\n", b"line 2\nhal"], ending="close"),
    "length not reached": Reply(headers=NDJSON, body=b"line 1\nline 2\nhal", declared=9000, ending="close"),
}


@pytest.mark.parametrize("reply", CUT.values(), ids=CUT.keys())
def test_a_cut_body_is_an_error_after_all_that_did_arrive(
    server: AwkwardServer, client: Client, reply: Reply
) -> None:
    server.will(reply)

    with client.content("f1") as content:
        lines, failure = read(content)

    assert lines == b"line 1\nline 2\nhal"
    assert failure is TransportError


def test_a_body_that_stops_coming_is_an_error(server: AwkwardServer) -> None:
    server.will(Reply(headers=NDJSON, pieces=[FULL], ending="hold"))

    with Client(server.base_url, KEY, read_timeout_s=2.0) as client, client.content("f1") as content:
        lines, failure = read(content)

    assert lines == FULL
    assert failure is TransportError


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_compressed_body_arrives_as_it_was(server: AwkwardServer, client: Client, is_chunked: bool) -> None:  # noqa: FBT001 - a case
    whole = b'{"a": 1}\n' * 100_000
    body = gzip.compress(whole)
    pieces = [body[:100], body[100:]] if is_chunked else None
    server.will(Reply(headers={**NDJSON, "Content-Encoding": "gzip"}, body=body, pieces=pieces))

    with client.content("f1") as content:
        lines, _ = read(content)

    assert lines == whole


def test_a_download_ends_when_the_client_is_told_to_stop(server: AwkwardServer) -> None:
    stopping = threading.Event()
    server.will(Reply(headers=NDJSON, pieces=[FULL], ending="hold"))

    client = Client(server.base_url, KEY, stopping=stopping, read_timeout_s=5.0)
    with client, client.content("f1") as content:
        blocks = content.blocks()
        first = next(blocks)
        stopping.set()
        with pytest.raises(StoppedError, match="GET /files/f1/content"):
            next(blocks)

    assert first == FULL


def test_a_content_left_early_does_not_disturb_the_next_call(server: AwkwardServer, client: Client) -> None:
    server.will(
        Reply(headers=NDJSON, pieces=[b"line 1\n"], ending="hold"), Reply(headers=NDJSON, body=b"line 2\n")
    )

    with client.content("f1"):
        pass
    with client.content("f2") as content:
        lines, _ = read(content)

    assert lines == b"line 2\n"


def test_a_file_that_is_not_there_is_an_error_before_any_block(server: AwkwardServer, client: Client) -> None:
    server.will(as_text("File with ID f1 not found", status=404))

    with pytest.raises(ApiError, match="File with ID f1 not found"):
        client.content("f1")


def test_a_web_page_is_no_content(server: AwkwardServer, client: Client) -> None:
    server.will(Reply(headers={"Content-Type": "text/html; charset=utf-8"}, body=b"<html>"))

    with pytest.raises(NotAnApiError):
        client.content("f1")
