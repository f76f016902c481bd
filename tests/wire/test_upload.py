import threading
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.errors import ApiError, TransportError
from dwbatch.wire.client import Client
from dwbatch.wire.failures import StoppedError
from dwbatch.wire.upload import MultipartFile
from tests.wire.awkward import AwkwardServer
from tests.wire.shapes import FILE, KEY, as_json, as_text

MIB = 1024 * 1024


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "shard.jsonl"
    path.write_bytes(b"0123456789" * 20)
    return path


@given(sizes=st.lists(st.integers(0, 300), max_size=30), start=st.integers(0, 600))
def test_any_pieces_from_any_place_make_the_same_body(shard: Path, sizes: list[int], start: int) -> None:
    with MultipartFile(shard, filename="a.jsonl") as body:
        whole = body.read()
        body.seek(start)

        pieces = b"".join(body.read(size) for size in sizes)

        assert len(body) == len(whole)
        assert pieces == whole[start : start + sum(sizes)]
        assert body.tell() == start + len(pieces)


def test_a_body_rewinds(shard: Path) -> None:
    with MultipartFile(shard, filename="a.jsonl") as body:
        first = body.read()
        body.seek(0)

        assert body.read() == first
        assert body.read() == b""


def test_a_name_cannot_break_out_of_its_header(shard: Path) -> None:
    with MultipartFile(shard, filename='a"\r\nX-Evil: "1.jsonl') as body:
        head = body.read(400)

    assert b'filename="a%22%0D%0AX-Evil: %221.jsonl"\r\n' in head


def test_a_file_that_became_shorter_is_named(shard: Path) -> None:
    with MultipartFile(shard, filename="a.jsonl") as body:
        shard.write_bytes(b"0")

        with pytest.raises(OSError, match=r"shard.jsonl' became shorter"):
            body.read()


def test_a_file_that_grows_is_sent_as_it_was(shard: Path) -> None:
    with MultipartFile(shard, filename="a.jsonl") as body:
        shard.write_bytes(b"0123456789" * 21)

        assert len(body.read()) == len(body)


def test_an_upload_costs_blocks_not_the_file(server: AwkwardServer, client: Client, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 * MIB)
    server.will(as_json(FILE, status=201))

    tracemalloc.start()
    client.upload(path, filename="a.jsonl")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert server.seen[0].body_length > 64 * MIB
    assert peak < 4 * MIB


def test_an_upload_ends_in_mid_flight_when_told_to_stop(shard: Path) -> None:
    stopping = threading.Event()
    with MultipartFile(shard, filename="a.jsonl", stopping=stopping) as body:
        body.read(10)
        stopping.set()

        with pytest.raises(StoppedError, match="POST /files got no answer: it was stopped on this side"):
            body.read(10)


def test_a_body_that_was_sent_whole_is_not_stopped_any_more(shard: Path) -> None:
    stopping = threading.Event()
    with MultipartFile(shard, filename="a.jsonl", stopping=stopping) as body:
        body.read()
        stopping.set()

        assert body.read(10) == b""


def test_a_stopped_upload_is_a_stopped_call(server: AwkwardServer, shard: Path) -> None:
    stopping = threading.Event()
    stopping.set()

    with Client(server.base_url, KEY, stopping=stopping) as client, pytest.raises(StoppedError):
        client.upload(shard, filename="a.jsonl")


def test_a_refusal_in_mid_upload_is_read(server: AwkwardServer, client: Client, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 * MIB)
    too_large = as_text("File exceeds the maximum allowed size of 1000 bytes", status=413)
    server.will(replace(too_large, early=True, ending="drain"))

    with pytest.raises(ApiError, match="413: File exceeds the maximum allowed size of 1000 bytes"):
        client.upload(path, filename="a.jsonl")


def test_a_refusal_in_mid_upload_that_resets_is_one_of_two_errors(
    server: AwkwardServer, client: Client, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 * MIB)
    server.will(replace(as_text("Too large", status=413), early=True, ending="reset"))

    # Which one is the operating system's choice: whether bytes that came
    # before the reset can still be read.
    with pytest.raises((ApiError, TransportError)) as caught:
        client.upload(path, filename="a.jsonl")

    assert getattr(caught.value, "status", 413) == 413
