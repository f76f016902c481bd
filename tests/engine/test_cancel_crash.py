"""A cancel whose obeying crashes anywhere is obeyed all the same; a purchase that turns up after it is not made twice."""

from pathlib import Path

import pytest

import dwbatch
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import State
from dwbatch.engine.marks import metadata
from dwbatch.local import Server
from tests.engine.elsewhere import Model, Owner, crash, ok, posts, run, said, texts
from tests.engine.world import Crash, Effects
from tests.engine.world import run as run_counted

pytestmark = pytest.mark.promise

CANCELLED = (None, "cancelled", "batch_cancelled")


def leave_a_word(server: Server, folder: Path, edition: str) -> None:
    """One batch runs, another was about to be bought, and somebody says stop."""
    crash(texts("a", "b"), server, folder, "POST /v1/batches", nth=2, edition=edition)
    Checkpoint(folder).ask_to_stop()


def attempt(server: Server, folder: Path, edition: str, crash_before: int | None = None) -> Effects:
    """Make the call again, perhaps until a crash."""
    effects = Effects(crash_before)
    try:
        run_counted(texts("a", "b"), server, effects, checkpoint=folder, model="m", edition=edition)
    except Crash:
        assert crash_before is not None
    return effects


def test_a_crash_at_any_effect_of_obeying_buys_nothing_and_forgets_no_cancel(
    server: Server, tmp_path: Path
) -> None:
    leave_a_word(server, tmp_path / "whole", "whole")
    count = len(attempt(server, tmp_path / "whole", "whole").trace)

    for at in range(0, count, 2):
        leave_a_word(server, tmp_path / f"{at}", f"{at}")
        bought = posts(server).count("/batches")
        attempt(server, tmp_path / f"{at}", f"{at}", crash_before=at)
        out = run(texts("a", "b"), server, tmp_path / f"{at}", edition=f"{at}")
        assert said(out) == [CANCELLED] * 2, at
        assert posts(server).count("/batches") == bought, at

    assert count > 20
    assert set(Owner(server).statuses()) == {"cancelled"}


def test_a_purchase_that_turns_up_after_a_cancel_is_adopted_when_its_rows_are_asked_for(
    server: Server, model: Model, tmp_path: Path
) -> None:
    crash(texts("a"), server, tmp_path / "job", "POST /v1/batches")
    dwbatch.attach(tmp_path / "job").cancel()
    checkpoint = Checkpoint(tmp_path / "job")
    (shard,) = checkpoint.shards()
    assert shard.state is State.DROPPED
    keys = checkpoint.requests(shard.number)["answers_key"]
    late = {
        "input_file_id": shard.input_file_id,
        "endpoint": shard.endpoint,
        "completion_window": shard.completion_window,
        "metadata": metadata(shard, job=shard.job, keys=keys, given={}),
    }
    Owner(server).call("POST", "/batches", json=late)
    model.may_answer.set()

    out = run(texts("a"), server, tmp_path / "job", retry="cancelled")

    assert said(out) == ok("a")
    assert posts(server) == ["/files", "/batches"]
