"""Whose batches they are: a rotated key is the same account, another account's are named and nothing is bought."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import dwbatch
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import State
from dwbatch.errors import ApiError, JobStoppedError
from dwbatch.local import Server
from tests.engine.elsewhere import Model, Owner, call, crash, leave_running, ok, posts, run, said, texts

pytestmark = pytest.mark.promise

KEYS = {"sk-a": "me@x", "sk-b": "me@x", "sk-c": "other@x"}


@pytest.fixture
def server(model: Model) -> Iterator[Server]:
    with Server(keys=KEYS, answer=model) as running:
        yield running
        model.may_answer.set()


def test_a_rotated_key_goes_on_where_the_old_one_stopped(
    server: Server, model: Model, tmp_path: Path
) -> None:
    leave_running(server, tmp_path / "job", "a", api_key="sk-a")

    out = run(texts("a"), server, tmp_path / "job", api_key="sk-b", meanwhile=model.may_answer.set)

    assert said(out) == ok("a")
    assert posts(server) == ["/files", "/batches"]


def test_a_rotated_key_is_written_down_as_its_fingerprint(
    server: Server, model: Model, tmp_path: Path
) -> None:
    leave_running(server, tmp_path / "job", "a", api_key="sk-a")
    (before,) = Checkpoint(tmp_path / "job").shards()
    with pytest.raises(TimeoutError):
        run(texts("a"), server, tmp_path / "job", api_key="sk-b", meanwhile=lambda: None, timeout=5)
    (after,) = Checkpoint(tmp_path / "job").shards()
    model.may_answer.set()

    assert after.account != before.account
    assert "sk-b" not in str(after)


@pytest.mark.only_doubleword("OpenAI deletes no batch")
def test_a_rotated_key_is_known_by_any_batch_that_is_left(
    server: Server, model: Model, tmp_path: Path
) -> None:
    options = {"api_key": "sk-a", "meanwhile": lambda: None, "timeout": 5, "max_requests_per_batch": 1}
    with pytest.raises(TimeoutError):
        run(texts("a", "b"), server, tmp_path / "job", **options)
    owner = Owner(server, "sk-a")
    owner.call("DELETE", f"/batches/{owner.batches()[0]['id']}")

    out = run(texts("a", "b"), server, tmp_path / "job", api_key="sk-b", meanwhile=model.may_answer.set)

    assert said(out) == [(None, "missing", "batch_gone"), *ok("b")]
    assert posts(server).count("/batches") == 2


def test_another_accounts_batches_are_named_and_nothing_is_bought(server: Server, tmp_path: Path) -> None:
    leave_running(server, tmp_path / "job", "a", api_key="sk-a")
    (batch,) = Owner(server, "sk-a").batches()

    with pytest.raises(JobStoppedError, match="another account") as stopped:
        run(texts("a", "b"), server, tmp_path / "job", api_key="sk-c")

    assert batch["id"] in str(stopped.value)
    assert "Nothing was bought" in str(stopped.value)
    assert posts(server) == ["/files", "/batches"]


def test_the_owner_goes_on_after_a_stranger_was_turned_away(
    server: Server, model: Model, tmp_path: Path
) -> None:
    leave_running(server, tmp_path / "job", "a", api_key="sk-a")
    with pytest.raises(JobStoppedError):
        run(texts("a"), server, tmp_path / "job", api_key="sk-c")

    out = run(texts("a"), server, tmp_path / "job", api_key="sk-a", meanwhile=model.may_answer.set)

    assert said(out) == ok("a")
    assert posts(server) == ["/files", "/batches"]


def test_answers_that_are_on_disk_are_used_with_any_key(server: Server, model: Model, tmp_path: Path) -> None:
    model.may_answer.set()
    run(texts("a"), server, tmp_path / "job", api_key="sk-a")

    out, summary = call(texts("a"), server, tmp_path / "job", api_key="sk-c")

    assert said(out) == ok("a")
    assert (summary.answered, posts(server)) == (1, ["/files", "/batches"])


def test_another_accounts_batches_are_not_adopted(server: Server, model: Model, tmp_path: Path) -> None:
    model.may_answer.set()
    run(texts("a"), server, tmp_path / "mine", api_key="sk-a")

    out, summary = call(texts("a"), server, tmp_path / "theirs", api_key="sk-c")

    assert said(out) == ok("a")
    assert summary.sent == 1


def test_an_upload_of_another_account_is_sent_again(server: Server, model: Model, tmp_path: Path) -> None:
    model.may_answer.set()
    crash(texts("a"), server, tmp_path / "job", "write batches.parquet", nth=3, api_key="sk-a")
    (shard,) = Checkpoint(tmp_path / "job").shards()
    assert shard.state is State.UPLOADED

    out = run(texts("a"), server, tmp_path / "job", api_key="sk-c")

    assert said(out) == ok("a")
    assert posts(server) == ["/files", "/batches", "/files", "/batches"]


def test_a_purchase_in_doubt_of_another_account_is_not_repeated(server: Server, tmp_path: Path) -> None:
    crash(texts("a"), server, tmp_path / "job", "reply to POST /v1/batches", api_key="sk-a")
    (shard,) = Checkpoint(tmp_path / "job").shards()
    assert shard.state is State.SUBMITTING

    with pytest.raises(JobStoppedError, match="another account"):
        run(texts("a"), server, tmp_path / "job", api_key="sk-c")


def test_a_purchase_in_doubt_is_settled_with_a_rotated_key(
    server: Server, model: Model, tmp_path: Path
) -> None:
    model.may_answer.set()
    crash(texts("a"), server, tmp_path / "job", "reply to POST /v1/batches", api_key="sk-a")

    out = run(texts("a"), server, tmp_path / "job", api_key="sk-b")

    assert said(out) == ok("a")
    assert posts(server) == ["/files", "/batches"]


def test_a_cancel_with_another_accounts_key_says_so_and_buys_nothing_more(
    server: Server, model: Model, tmp_path: Path
) -> None:
    leave_running(server, tmp_path / "job", "a", api_key="sk-a")
    job = dwbatch.attach(tmp_path / "job", api_key="sk-c", base_url=server.base_url)

    with pytest.raises(ApiError, match="404"):
        job.cancel()

    assert Owner(server, "sk-a").statuses() == ["in_progress"]
    model.may_answer.set()
