"""What the server no longer has: a deleted batch, a wiped store, a server gone; each ends in a status, not in a wait."""

from pathlib import Path

import pytest

import dwbatch
from dwbatch.errors import CheckpointError
from dwbatch.local import Server
from tests.engine.elsewhere import Model, Owner, crash, leave_running, ok, posts, run, said, texts

pytestmark = pytest.mark.promise

GONE = (None, "missing", "batch_gone")


@pytest.mark.only_doubleword("OpenAI deletes no batch")
def test_a_deleted_batch_is_missing_and_the_others_are_answered(
    server: Server, model: Model, tmp_path: Path
) -> None:
    leave_running(server, tmp_path / "job", "a", "b")
    owner = Owner(server)
    owner.call("DELETE", f"/batches/{owner.batches()[0]['id']}")

    out = run(texts("a", "b"), server, tmp_path / "job", meanwhile=model.may_answer.set)

    assert said(out) == [GONE, *ok("b")]
    assert posts(server).count("/batches") == 2


@pytest.mark.only_doubleword("OpenAI deletes no batch")
def test_a_batch_deleted_while_it_is_waited_for_is_missing(server: Server, tmp_path: Path) -> None:
    owner = Owner(server)

    def delete() -> None:
        for batch in owner.batches():
            owner.call("DELETE", f"/batches/{batch['id']}")

    out = run(texts("a"), server, tmp_path / "job", meanwhile=delete)

    assert said(out) == [GONE]


@pytest.mark.only_doubleword("OpenAI deletes no batch")
def test_what_is_gone_stays_gone_until_it_is_asked_for(server: Server, model: Model, tmp_path: Path) -> None:
    leave_running(server, tmp_path / "job", "a")
    owner = Owner(server)
    owner.call("DELETE", f"/batches/{owner.batches()[0]['id']}")
    run(texts("a"), server, tmp_path / "job")
    model.may_answer.set()

    again = run(texts("a"), server, tmp_path / "job")
    anew = run(texts("a"), server, tmp_path / "job", retry="missing")

    assert (said(again), said(anew)) == ([GONE], ok("a"))
    assert posts(server).count("/batches") == 2


@pytest.mark.parametrize("many", [1, 5], ids=["looked at one by one", "listed"])
def test_a_wiped_store_leaves_every_row_a_status(tmp_path: Path, many: int) -> None:
    values = "abcde"[:many]
    with Server(tmp_path / "old", answer=(model := Model())) as server:
        port = server.port
        leave_running(server, tmp_path / "job", *values)
        model.may_answer.set()

    with Server(tmp_path / "new", port=port) as server:
        out = run(texts(*values), server, tmp_path / "job")

        assert said(out) == [GONE] * many
        assert posts(server) == []


@pytest.mark.parametrize(
    ("at", "nth"),
    [("write batches.parquet", 3), ("POST /v1/batches", 1)],
    ids=["uploaded", "about to be bought"],
)
def test_an_upload_of_a_wiped_store_is_sent_again(tmp_path: Path, at: str, nth: int) -> None:
    with Server(tmp_path / "old") as server:
        port = server.port
        crash(texts("a"), server, tmp_path / "job", at, nth=nth)

    with Server(tmp_path / "new", port=port) as server:
        out = run(texts("a"), server, tmp_path / "job")

        assert said(out) == ok("a")
        assert len(server.ledger()) == 1


def test_answers_of_a_wiped_store_stand(tmp_path: Path) -> None:
    with Server(tmp_path / "old") as server:
        port = server.port
        run(texts("a"), server, tmp_path / "job")

    with Server(tmp_path / "new", port=port) as server:
        out = run(texts("a"), server, tmp_path / "job")

        assert said(out) == ok("a")
        assert server.exchanges() == []


def test_batches_of_another_server_in_the_same_folder_are_left_alone(
    server: Server, model: Model, tmp_path: Path
) -> None:
    leave_running(server, tmp_path / "job", "a")
    with Server() as other:
        there = run(texts("a"), other, tmp_path / "job")
        asked = [path for _, path, _ in other.exchanges()]

    here = run(texts("a"), server, tmp_path / "job", meanwhile=model.may_answer.set)

    assert said(there) == said(here) == ok("a")
    assert Owner(server).batches()[0]["id"] not in "".join(asked)
    assert posts(server) == ["/files", "/batches"]


def test_a_folder_of_two_servers_is_attached_to_the_one_that_is_named(
    server: Server, model: Model, tmp_path: Path
) -> None:
    leave_running(server, tmp_path / "job", "a")
    with Server() as other:
        run(texts("a"), other, tmp_path / "job")
    owner = Owner(server)

    with pytest.raises(CheckpointError, match="base_url="):
        dwbatch.attach(tmp_path / "job")
    stopped = dwbatch.attach(tmp_path / "job", base_url=server.base_url).cancel()

    assert stopped["batch_id"].tolist() == [owner.batches()[0]["id"]]
    assert owner.statuses() == ["cancelled"]
    model.may_answer.set()


@pytest.mark.only_doubleword("OpenAI deletes no batch")
def test_a_deleted_batch_does_not_keep_the_others_from_being_cancelled(
    server: Server, tmp_path: Path
) -> None:
    leave_running(server, tmp_path / "job", "a", "b")
    owner = Owner(server)
    owner.call("DELETE", f"/batches/{owner.batches()[0]['id']}")

    stopped = dwbatch.attach(tmp_path / "job").cancel()

    assert stopped["status"].tolist() == ["gone", "cancelled"]
    assert owner.statuses() == ["cancelled"]
