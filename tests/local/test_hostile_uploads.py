"""Whatever is uploaded, the server answers, lives, and writes nowhere but in its folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.local import Limits, Server
from tests.local.asking import brief, get

BOUNDARY = b"edge"
PIECES = st.one_of(
    st.sampled_from(
        [
            b"--edge\r\n",
            b"--edge--\r\n",
            b"\r\n--edge\r\n",
            b"\r\n",
            b"\n",
            b'Content-Disposition: form-data; name="file"; filename="../../outside.jsonl"\r\n\r\n',
            b'Content-Disposition: form-data; name="file"; filename="/outside.jsonl"\r\n\r\n',
            b'Content-Disposition: form-data; name="file"; filename="C:\\outside.jsonl"\r\n\r\n',
            b'Content-Disposition: form-data; name="file"; filename="\x00"\r\n\r\n',
            b'Content-Disposition: form-data; name="file"; filename=""\r\n\r\n',
            b'Content-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n',
            b'Content-Disposition: form-data; name="expires_after[seconds]"\r\n\r\n' + "²".encode(),
            b'Content-Disposition: form-data; name="expires_after[seconds]"\r\n\r\n' + b"9" * 5000,
            b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}}\n',
        ]
    ),
    st.binary(max_size=30),
)
BODIES = st.lists(PIECES, max_size=8).map(b"".join)


@pytest.fixture(scope="module", params=["doubleword", "openai"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("outer") / "a" / "b" / "store"
    with Server(folder, dialect=request.param, limits=Limits(max_file_bytes=500)) as running:
        yield running


def post(server: Server, body: bytes, **headers: str) -> requests.Response:
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
    return requests.post(f"{server.base_url}/files", data=body, headers=kind | headers, timeout=60)


@brief
@given(BODIES)
def test_any_upload_is_answered_and_leaves_the_server_alive(server: Server, body: bytes) -> None:
    reply = post(server, body)

    assert reply.status_code in {200, 201, 400, 413}
    assert get(server, "/files").status_code == 200


@brief
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_file_name_is_a_name_and_no_path(server: Server, name: str) -> None:
    folder = server._running().spool
    outer = folder.parent.parent.parent
    before = files_beside(outer, folder)
    content = b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}}\n'

    reply = requests.post(
        f"{server.base_url}/files",
        files={"file": (f"{name}.jsonl", content)},
        data={"purpose": "batch"},
        timeout=60,
    )

    assert reply.ok
    assert files_beside(outer, folder) == before


def files_beside(outer: Path, folder: Path) -> list[Path]:
    return [path for path in outer.rglob("*") if path.is_file() and folder not in path.parents]


@pytest.mark.parametrize("kind", ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary="])
def test_what_is_no_multipart_is_refused(server: Server, kind: str) -> None:
    reply = post(server, b"x", **{"Content-Type": kind})

    assert reply.status_code == 400


def test_more_than_is_allowed_is_refused_though_no_length_was_announced(server: Server) -> None:
    def body() -> Iterator[bytes]:
        yield b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
        for _ in range(100):
            yield b" " * 100

    reply: Any = requests.post(
        f"{server.base_url}/files",
        data=body(),
        headers={"Content-Type": "multipart/form-data; boundary=edge"},
        timeout=60,
    )

    assert reply.status_code == 413


@pytest.mark.parametrize("seconds", ["9" * 5000, "9" * 19, "\u0663", "soon"])
def test_an_expiry_that_is_no_number_of_seconds_is_ignored(seconds: str) -> None:
    with Server() as server:
        reply = requests.post(
            f"{server.base_url}/files",
            files={
                "file": (
                    "a.jsonl",
                    b'{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":"m"}}',
                )
            },
            data={"purpose": "batch", "expires_after[seconds]": seconds},
            timeout=60,
        )

        shown = reply.json()
        assert shown["expires_at"] - shown["created_at"] in range(30 * 86400, 30 * 86400 + 5)
