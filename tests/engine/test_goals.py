"""A call may stop on the way: with its files up and nothing bought, or with everything bought and nothing awaited."""

from pathlib import Path

import pytest

from dwbatch.call import Call, prepare
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.engine.goal import Goal
from dwbatch.engine.progress import Progress
from dwbatch.given import read_options
from dwbatch.local import Server
from dwbatch.opening import Means, opened
from dwbatch.sending import carry_to
from tests.engine.elsewhere import crash, ok, posts, run, said, texts
from tests.engine.world import StillClock

pytestmark = pytest.mark.promise

FRAME = texts("a", "b")


def call_of(server: Server, folder: Path) -> Call:
    given = {
        "model": "m",
        "base_url": server.base_url,
        "checkpoint": folder,
        "progress": False,
        "max_requests_per_batch": 1,
        # One server serves the file, and what one test bought is none of the next.
        "edition": folder.name,
    }
    return prepare(FRAME, "Say {text}", read_options(given, call="run"))


def carry(server: Server, folder: Path, goal: Goal) -> list[str]:
    """States of the shards once the goal is reached."""
    call, progress, means = call_of(server, folder), Progress(is_shown=False), Means(clock=StillClock())
    with opened(call, Checkpoint(folder), means, progress, lock_timeout_s=0.0) as desk:
        carry_to(goal, call, desk, progress)
    return [str(shard.state) for shard in Checkpoint(folder).shards()]


def test_files_go_up_and_nothing_is_bought(shared_server: Server, tmp_path: Path) -> None:
    before = posts(shared_server)

    states = carry(shared_server, tmp_path, Goal.UPLOADED)

    assert states == ["UPLOADED", "UPLOADED"]
    assert posts(shared_server)[len(before) :] == ["/files", "/files"]


def test_everything_is_bought_and_nothing_is_awaited(shared_server: Server, tmp_path: Path) -> None:
    before = len(posts(shared_server))

    states = carry(shared_server, tmp_path, Goal.BOUGHT)

    assert states == ["SUBMITTED", "SUBMITTED"]
    assert sorted(posts(shared_server)[before:]) == ["/batches"] * 2 + ["/files"] * 2


def test_each_goal_goes_on_from_the_one_before(shared_server: Server, tmp_path: Path) -> None:
    before = len(posts(shared_server))

    for goal in (Goal.UPLOADED, Goal.BOUGHT):
        carry(shared_server, tmp_path, goal)
    out = run(FRAME, shared_server, tmp_path, max_requests_per_batch=1, edition=tmp_path.name)

    assert said(out) == ok("a", "b")
    assert len(posts(shared_server)) - before == 4


def test_a_call_that_only_uploads_leaves_a_purchase_in_doubt_alone(
    shared_server: Server, tmp_path: Path
) -> None:
    crash(FRAME, shared_server, tmp_path, "reply to POST /v1/batches", edition=tmp_path.name)
    before = posts(shared_server)

    states = carry(shared_server, tmp_path, Goal.UPLOADED)

    assert states[0] == "SUBMITTING"
    assert "/batches" not in posts(shared_server)[len(before) :]
