"""A user's cancel: nothing is bought after it, what was answered is kept, and running the cell again does not undo it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import requests

import dwbatch
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.errors import JobTimeoutError
from dwbatch.job.job import Job
from dwbatch.local import Server
from dwbatch.opening import Means
from tests.engine.elsewhere import Altered, Model, Owner, crash, leave_running, ok, posts, run, said, texts
from tests.engine.world import StillClock

pytestmark = pytest.mark.promise

CANCELLED = (None, "cancelled", "batch_cancelled")
EXCHANGES = 14


def cancel(folder: Path, base_url: str | None = None) -> pd.DataFrame:
    """Cancel a job from another process, whose looks at the counts take no time."""
    held = dwbatch.attach(folder, base_url=base_url)._held
    return Job(replace(held, means=Means(clock=StillClock()))).cancel()


def purchases(server: Server) -> int:
    """How many batches were ever asked for."""
    return posts(server).count("/batches")


def before_exchange(number: int, act: Callable[[], object]) -> Altered:
    """A wire that lets something happen before an exchange, counted from 0."""
    left = iter(range(number + 1))
    acts = iter([act])

    def count(_: requests.PreparedRequest) -> None:
        if next(left, None) == number:
            next(acts)()

    return Altered(request=count)


def test_a_cancel_that_nobody_is_there_to_obey_is_obeyed_at_once(server: Server, tmp_path: Path) -> None:
    crash(texts("a", "b", "c"), server, tmp_path / "job", "POST /v1/batches", nth=2)

    stopped = cancel(tmp_path / "job")
    states = [str(shard.state) for shard in Checkpoint(tmp_path / "job").shards()]
    out = run(texts("a", "b", "c"), server, tmp_path / "job")

    assert states == ["SUBMITTED", "DROPPED", "DROPPED"]
    assert stopped["status"].tolist() == ["cancelled"]
    assert said(out) == [CANCELLED] * 3
    assert purchases(server) == 1
    assert server.ledger() == []


@pytest.mark.both_dialects
def test_a_cancel_finds_the_purchase_that_was_in_doubt(server: Server, tmp_path: Path) -> None:
    crash(texts("a"), server, tmp_path / "job", "reply to POST /v1/batches")

    cancel(tmp_path / "job")

    assert Owner(server).statuses() == ["cancelled"]
    assert said(run(texts("a"), server, tmp_path / "job")) == [CANCELLED]


def test_a_cancel_whose_obeyer_died_is_obeyed_by_the_next_call(server: Server, tmp_path: Path) -> None:
    crash(texts("a", "b", "c"), server, tmp_path / "job", "POST /v1/batches", nth=2)
    Checkpoint(tmp_path / "job").ask_to_stop()

    out = run(texts("a", "b", "c"), server, tmp_path / "job")

    assert said(out) == [CANCELLED] * 3
    assert Owner(server).statuses() == ["cancelled"]
    assert purchases(server) == 1


@pytest.mark.both_dialects
def test_a_cancel_is_not_undone_by_running_the_cell_again(server: Server, tmp_path: Path) -> None:
    leave_running(server, tmp_path / "job", "a", "b")
    cancel(tmp_path / "job")

    outs = [run(texts("a", "b"), server, tmp_path / "job") for _ in range(3)]

    assert [said(out) for out in outs] == [[CANCELLED] * 2] * 3
    assert purchases(server) == 2


def test_what_was_cancelled_is_bought_when_it_is_asked_for(
    server: Server, model: Model, tmp_path: Path
) -> None:
    clock = StillClock()
    crash(texts("a", "b", "c"), server, tmp_path / "job", "POST /v1/batches", nth=2)
    cancel(tmp_path / "job")
    run(texts("a", "b", "c"), server, tmp_path / "job", clock=clock)
    model.may_answer.set()

    out = run(texts("a", "b", "c"), server, tmp_path / "job", clock=clock, retry="cancelled")

    assert said(out) == ok("a", "b", "c")
    assert len(server.ledger()) == 3


@pytest.mark.both_dialects
def test_what_was_answered_before_a_cancel_is_kept(tmp_path: Path) -> None:
    model = Model(lambda prompt: "slow" in prompt)
    with Server(answer=model) as server:
        owner = Owner(server)
        with pytest.raises(JobTimeoutError):
            run(texts("a", "slow"), server, tmp_path / "job", meanwhile=lambda: None, timeout=5)
        server.wait_until(lambda: owner.batches()[0]["request_counts"]["completed"] == 1)

        stopped = cancel(tmp_path / "job")
        out = run(texts("a", "slow"), server, tmp_path / "job")
        model.may_answer.set()

        assert stopped[["status", "completed", "failed", "total"]].to_numpy().tolist() == [
            ["cancelled", 1, 0, 2]
        ]
        assert said(out) == [*ok("a"), CANCELLED]


@pytest.mark.parametrize("number", range(EXCHANGES))
def test_a_cancel_at_any_exchange_stops_the_spending(
    server: Server, model: Model, tmp_path: Path, number: int
) -> None:
    bought: list[int] = []

    def cancel_now() -> None:
        # At the first exchange the folder knows no server yet.
        cancel(tmp_path / "job", server.base_url)
        bought.append(purchases(server))

    wire = before_exchange(number, cancel_now)
    out = run(
        texts("a", "b", "c"),
        server,
        tmp_path / "job",
        wire=wire,
        max_requests_per_batch=1,
        meanwhile=lambda: None,
    )
    model.may_answer.set()

    assert said(out) == [CANCELLED] * 3
    # A purchase that was on the wire at that moment comes through; none is begun.
    assert purchases(server) - bought[0] <= 1
    assert set(Owner(server).statuses()) <= {"cancelled"}
    assert server.ledger() == []


def test_a_batch_adopted_from_a_colleague_is_never_cancelled(
    server: Server, model: Model, tmp_path: Path
) -> None:
    leave_running(server, tmp_path / "theirs", "a")
    leave_running(server, tmp_path / "mine", "a", "b")

    cancel(tmp_path / "mine")
    out = run(texts("a", "b"), server, tmp_path / "mine", meanwhile=model.may_answer.set)

    assert said(out) == [*ok("a"), CANCELLED]
    assert Owner(server).statuses() == ["completed", "cancelled"]


def test_a_batch_that_is_over_is_not_relabelled_by_a_cancel(
    server: Server, model: Model, tmp_path: Path
) -> None:
    leave_running(server, tmp_path / "job", "a")
    model.may_answer.set()
    Owner(server).until_idle()

    stopped = cancel(tmp_path / "job")

    assert stopped["status"].tolist() == ["completed"]
    assert Owner(server).statuses() == ["completed"]
    assert said(run(texts("a"), server, tmp_path / "job")) == ok("a")


def test_a_cancel_of_a_finished_job_does_nothing_and_leaves_no_word(
    server: Server, model: Model, tmp_path: Path
) -> None:
    model.may_answer.set()
    run(texts("a"), server, tmp_path / "job")

    stopped = cancel(tmp_path / "job")
    out = run(texts("a", "b"), server, tmp_path / "job")

    assert len(stopped) == 0
    assert said(out) == ok("a", "b")
