"""Looking at the account is cheap, and what cannot be read stops the call before anything is sent."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dwbatch.errors import JobStoppedError
from dwbatch.local import Server
from tests.engine.elsewhere import Altered, Owner, Reply, ok, posts, run, said, texts

pytestmark = pytest.mark.promise

MANY = 210


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def copies(owner: Owner, count: int, **changed: str) -> None:
    """Buy the oldest batch's file many times over, with other marks."""
    batch = owner.batches()[0]
    ours = {name: value for name, value in batch["metadata"].items() if name.startswith("dwbatch")}
    order = {name: batch[name] for name in ("input_file_id", "endpoint", "completion_window")}
    for _ in range(count):
        owner.call("POST", "/batches", json={**order, "metadata": {**ours, **changed}})


def calls(server: Server, before: int) -> list[tuple[str, str]]:
    """What was asked since, without the polling and reading of this call's own batch."""
    return [(method, path.removeprefix("/v1")) for method, path, _ in server.exchanges()[before:]]


@pytest.mark.only_doubleword("OpenAI has no search, so a listing is as long as the account")
def test_hundreds_of_foreign_batches_cost_one_listing_and_no_download(server: Server, tmp_path: Path) -> None:
    run(texts("other"), server, tmp_path / "other", prompt="Other {text}")
    copies(Owner(server), MANY)
    before = len(server.exchanges())

    run(texts("a"), server, tmp_path / "here", meanwhile=lambda: None)

    asked = calls(server, before)
    sent = asked.index(("POST", "/files"))
    assert asked[:sent] == [("GET", "/batches")]


def test_hundreds_of_batches_of_other_rows_cost_a_few_pages_and_no_download(
    server: Server, tmp_path: Path
) -> None:
    run(texts("elsewhere"), server, tmp_path / "there")
    copies(Owner(server), MANY)
    before = len(server.exchanges())

    run(texts("a"), server, tmp_path / "here", meanwhile=lambda: None)

    asked = calls(server, before)
    sent = asked.index(("POST", "/files"))
    assert set(asked[:sent]) == {("GET", "/batches")}
    assert sent <= MANY // 100 + 1


def test_batches_older_than_a_month_end_the_listing(server: Server, tmp_path: Path) -> None:
    def age(call: str, status: int, body: bytes) -> Reply:
        if call != "GET /batches":
            return status, body
        shown = json.loads(body)
        for batch in shown["data"]:
            batch["created_at"] -= 31 * 86_400
        return status, json.dumps(shown).encode()

    run(texts("a"), server, tmp_path / "there")
    copies(Owner(server), MANY)
    before = len(server.exchanges())

    run(texts("a"), server, tmp_path / "here", wire=Altered(reply=age), meanwhile=lambda: None)

    asked = calls(server, before)
    assert asked[: asked.index(("POST", "/files"))] == [("GET", "/batches")]


def test_a_finished_job_does_not_look_at_the_account(server: Server, tmp_path: Path) -> None:
    run(texts("a"), server, tmp_path / "here")
    before = len(server.exchanges())

    run(texts("a"), server, tmp_path / "here")

    assert calls(server, before) == []


def delete_everything(owner: Owner, batch: dict[str, Any]) -> None:
    for name in ("input_file_id", "output_file_id", "error_file_id"):
        owner.call("DELETE", f"/files/{batch[name]}")


def delete_the_input(owner: Owner, batch: dict[str, Any]) -> None:
    owner.call("DELETE", f"/files/{batch['input_file_id']}")


def nothing(owner: Owner, batch: dict[str, Any]) -> None:
    del owner, batch


def unchanged(call: str, status: int, body: bytes) -> Reply:
    del call
    return status, body


def garbled(call: str, status: int, body: bytes) -> Reply:
    return (200, b'{"custom_id": 7\n') if call.endswith("/content") else (status, body)


def refused(call: str, status: int, body: bytes) -> Reply:
    return (403, b"no") if call.endswith("/content") else (status, body)


def reworded(call: str, status: int, body: bytes) -> Reply:
    return (status, body.replace(b"Say", b"Cry")) if call.endswith("/content") else (status, body)


@pytest.mark.only_doubleword("a file is deleted that OpenAI never made")
@pytest.mark.parametrize(
    ("destroy", "reply", "custom_id", "why"),
    [
        (delete_everything, unchanged, None, "its results name 0 of the 2 requests that ran"),
        (delete_the_input, unchanged, "mine-{text}", "cannot be read"),
        (nothing, garbled, None, "cannot be read"),
        (nothing, refused, None, "403"),
        (nothing, reworded, "mine-{text}", "not those that its metadata names"),
    ],
    ids=["no files", "no bodies", "garbage", "refused", "changed bodies"],
)
def test_a_batch_that_cannot_be_read_is_named_before_anything_is_sent(
    server: Server,
    tmp_path: Path,
    destroy: Callable[[Owner, dict[str, Any]], None],
    reply: Callable[[str, int, bytes], Reply],
    custom_id: str | None,
    why: str,
) -> None:
    run(texts("a", "b"), server, tmp_path / "there", custom_id=custom_id)
    owner = Owner(server)
    (batch,) = owner.batches()
    destroy(owner, batch)
    sent = posts(server)

    with pytest.raises(JobStoppedError, match=why) as stopped:
        run(texts("a", "b"), server, tmp_path / "here", custom_id=custom_id, wire=Altered(reply=reply))

    assert batch["id"] in str(stopped.value)
    assert "Nothing was sent" in str(stopped.value)
    assert posts(server) == sent


def test_without_its_input_file_a_batch_is_known_by_its_results(server: Server, tmp_path: Path) -> None:
    run(texts("a", "b"), server, tmp_path / "there")
    owner = Owner(server)
    owner.call("DELETE", f"/files/{owner.batches()[0]['input_file_id']}")

    out = run(texts("a", "b"), server, tmp_path / "here")

    assert said(out) == ok("a", "b")
    assert len(server.ledger()) == 2


def test_an_input_file_that_is_named_but_not_there_is_a_deleted_one(server: Server, tmp_path: Path) -> None:
    run(texts("a", "b"), server, tmp_path / "there")
    absent = f"/files/{Owner(server).batches()[0]['input_file_id']}/content"

    def reply(call: str, status: int, body: bytes) -> Reply:
        return (404, b"File not found") if call.endswith(absent) else (status, body)

    out = run(texts("a", "b"), server, tmp_path / "here", wire=Altered(reply=reply))

    assert said(out) == ok("a", "b")
    assert len(server.ledger()) == 2


@pytest.mark.only_doubleword("only at Doubleword does a batch end with its input file")
def test_a_batch_that_never_began_and_has_lost_its_file_is_left_alone(tmp_path: Path) -> None:
    with Server(tmp_path / "server", populate_delay_s=3600) as server:
        with pytest.raises(TimeoutError):
            run(texts("a"), server, tmp_path / "job", meanwhile=lambda: None, timeout=5)
        owner = Owner(server)
        owner.call("DELETE", f"/files/{owner.batches()[0]['input_file_id']}")
        shutil.rmtree(tmp_path / "job")

    with Server(tmp_path / "server") as server:
        out = run(texts("a"), server, tmp_path / "job")

        assert said(out) == ok("a")
        assert len(server.ledger()) == 1
