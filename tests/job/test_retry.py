"""Rows asked again: with what is said differently, onto the same rows, bought once whatever happens."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

import dwbatch
from dwbatch.call import prepare
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.engine.clock import Pace
from dwbatch.given import read_options
from dwbatch.job.job import Job
from dwbatch.job.submitting import submit as submit_call
from dwbatch.local import Server
from dwbatch.opening import Means
from tests.api.calling import posts
from tests.engine.world import CountedAdapter, CountedDisk, Crash, Effects, StillClock, until_idle
from tests.job.holding import FRAME, Model, options, still

ANSWERED = ["ok", "ok", "ok", "skipped", "ok"]


def done(server: Server, model: Model, **more: Any) -> Job:
    """A job that is over, one row of which failed."""
    model.may_answer.set()
    job = still(server, **more)
    job.wait(progress=False)
    return job


def test_an_answer_lands_on_the_row_that_had_none(server: Server, model: Model) -> None:
    job = done(server, model)

    again = job.retry("failed", max_tokens=99, progress=False)
    out = again.result(progress=False)

    assert out["response_status"].tolist() == ANSWERED
    assert out.loc["x", "response"] == "echo: Say bad"
    assert posts(server) == ["/files", "/batches"] * 2


def test_the_next_run_finds_the_answer_and_sends_nothing(server: Server, model: Model) -> None:
    done(server, model).retry(max_tokens=99, progress=False)
    before = posts(server)

    out = dwbatch.run(FRAME, "Say {text}", **options(server, poll_interval=0.02))

    assert out["response_status"].tolist() == ANSWERED
    assert posts(server) == before


def test_what_is_on_its_way_is_not_asked_twice(server: Server, model: Model) -> None:
    job = done(server, model)

    for _ in range(3):
        job.retry("failed", max_tokens=99, progress=False)

    assert posts(server) == ["/files", "/batches"] * 2


def test_a_job_without_a_frame_takes_the_bodies_from_the_server(server: Server, model: Model) -> None:
    done(server, model)
    job = dwbatch.attach("job")

    out = job.retry("failed", max_tokens=99, progress=False).result(progress=False)

    assert out["response_status"].tolist() == ["ok"] * 3


def test_nothing_different_is_a_fair_question_too(server: Server, model: Model) -> None:
    job = done(server, model)
    model.is_mended = True

    out = job.retry(progress=False).result(progress=False)

    assert out["response_status"].tolist() == ANSWERED


def test_a_mask_asks_exactly_its_rows(server: Server, model: Model) -> None:
    job = done(server, model)

    again = job.retry(FRAME["text"].eq("slow"), temperature=0.5, progress=False)

    assert again.batches()["requests"].tolist() == [3, 1]


@pytest.mark.parametrize(
    ("which", "more", "says"),
    [
        ("wrong", {}, "takes False, one of"),
        (np.array([True]), {}, "a mask of 5 truths"),
        ("failed", {"output": "x"}, "is none of them"),
        ("failed", {"max_cost": -1}, "max_cost= takes an amount of at least 0"),
        ("failed", {"max_completion_tokens": 5}, "max_tokens"),
    ],
)
def test_what_cannot_be_asked_costs_nothing(
    server: Server, model: Model, which: Any, more: dict[str, Any], says: str
) -> None:
    job = done(server, model)
    before = posts(server)

    with pytest.raises(dwbatch.InputError, match=says):
        job.retry(which, progress=False, **more)

    assert posts(server) == before


def test_a_run_drops_what_a_retry_did_not_buy(server: Server, model: Model) -> None:
    job = done(server, model)
    job.retry(max_tokens=99, progress=False).wait(progress=False)
    checkpoint = Checkpoint(Path("job").absolute())
    first, second = checkpoint.shards()
    unsent = {name: getattr(second, name) for name in second.__slots__}
    unsent |= {"number": 3, "token": "0" * 32, "state": "UPLOADED", "batch_id": None, "attempt": 0}
    checkpoint.write_requests(3, checkpoint.requests(2))
    checkpoint.write_shards([first, second, type(second)(**unsent)])
    before = posts(server)

    dwbatch.run(FRAME, "Say {text}", **options(server, retry="failed"))

    assert Checkpoint(Path("job").absolute()).shards()[2].state == "DROPPED"
    assert posts(server) == before


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    model = Model()
    model.may_answer.set()
    with Server(answer=model, outcomes=model.outcome) as running:
        yield running


def counted(server: Server, folder: Path, effects: Effects) -> Job:
    """Submit in a world that may crash."""
    session = requests.Session()
    session.mount("http://", CountedAdapter(effects))
    given = options(
        server,
        checkpoint=folder,
        session=session,
        name=folder.name,
        edition=folder.name,
        max_requests_per_batch=2,
    )
    means = Means(clock=StillClock(until_idle(server)), pace=Pace(), disk=CountedDisk(effects), workers=1)
    return submit_call(prepare(FRAME, "Say {text}", read_options(given, call="submit")), means=means)


def billed(server: Server, name: str) -> Counter[str]:
    """How often each row of a job was billed."""
    ids = [bill.custom_id for bill in server.ledger() if bill.custom_id.startswith(f"{name}-row-")]
    return Counter(custom_id.split("-row-")[1].split("-")[0] for custom_id in ids)


@pytest.mark.promise
@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_a_submit_that_dies_at_any_effect_buys_nothing_twice(
    shared: Server, tmp_path: Path, stride: int
) -> None:
    effects = Effects()
    counted(shared, tmp_path / f"whole{stride}", effects).wait(progress=False)
    expected, crashes = billed(shared, f"whole{stride}"), 0

    for at in range(0, len(effects.trace), stride):
        name = f"submit{stride}x{at}"
        try:
            counted(shared, tmp_path / name, Effects(crash_before=at))
        except Crash:
            crashes += 1
        out = counted(shared, tmp_path / name, Effects()).result(progress=False)
        assert out["response_status"].tolist() == ["ok", "ok", "failed", "skipped", "ok"], name
        assert billed(shared, name) == expected, name

    assert crashes > 40 // stride


@pytest.mark.promise
@pytest.mark.parametrize("stride", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_a_retry_that_dies_at_any_effect_buys_nothing_twice(
    shared: Server, tmp_path: Path, stride: int
) -> None:
    effects = Effects()
    whole = counted(shared, tmp_path / f"asked{stride}", effects)
    whole.wait(progress=False)
    before = len(effects.trace)
    whole.retry(max_tokens=9, progress=False)
    count = len(effects.trace) - before
    whole.wait(progress=False)
    expected = billed(shared, f"asked{stride}")

    for at in range(0, count, stride):
        name = f"retry{stride}x{at}"
        effects = Effects()
        job = counted(shared, tmp_path / name, effects)
        job.wait(progress=False)
        effects.crash_before = len(effects.trace) + at
        with pytest.raises(Crash):
            job.retry(max_tokens=9, progress=False)
        effects.crash_before = None
        out = job.retry(max_tokens=9, progress=False).result(progress=False)
        assert out["response_status"].tolist() == ANSWERED, name
        assert billed(shared, name) == expected, name

    assert count > 20
