"""Ctrl-C, `timeout=` and `cancel()`: whoever stops waiting knows what runs on, and how to end it."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pandas as pd
import pytest

import dwbatch
from dwbatch.call import prepare
from dwbatch.given import read_options
from dwbatch.sending import Means, carry_out
from tests.engine.world import StillClock
from tests.kills import scene
from tests.kills.orders import FRAME, PROMPT, SHARDS, Orders, Then
from tests.kills.scene import POLLING, Scene

needs_ctrl_c = pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to a whole console at once")

# A person who pressed the key presses it again after this long, and then kills the kernel.
LONGEST_SILENCE_S = 10.0

# Half-way up with the second shard, the first one bought.
UPLOADING = ("half of POST /files",) * 2


def interrupted(orders: Orders) -> tuple[int, str]:
    """How a call ends that gets Ctrl-C when its fuse has burnt, and what it says."""
    with scene.started(orders) as victim:
        scene.hear(victim, "now")
        victim.send_signal(signal.SIGINT)
        said = scene.last_words(victim)
    return victim.returncode, said


def attached(said: str) -> Path:
    """The checkpoint that the last line names."""
    found = re.search(r"dwbatch\.attach\('(.+?)'\)\.cancel\(\)", said)
    assert found is not None, said
    return Path(found[1])


@needs_ctrl_c
@pytest.mark.promise
def test_ctrl_c_leaves_the_batches_running_and_says_in_one_line_how_to_go_on(
    here: Scene, unkilled: pd.DataFrame
) -> None:
    status, said = interrupted(here.orders(fuse=POLLING, then=Then.SAY))
    own, _, trace = said.partition("Traceback")
    (line,) = filter(None, own.splitlines())

    assert status == -signal.SIGINT
    assert trace.endswith("KeyboardInterrupt\n")
    assert line.startswith("Interrupted. 2 batches run on at the server. The same call goes on from here")
    assert attached(line) == here.orders().folder
    assert here.statuses() == ["in_progress", "in_progress"]

    here.model.may_answer.set()
    pd.testing.assert_frame_equal(scene.finished(here.orders()), unkilled)
    scene.check_bought_once(here)
    scene.check_tidy(here.orders().folder)


@needs_ctrl_c
@pytest.mark.promise
def test_ctrl_c_in_an_upload_names_the_shards_that_were_not_submitted(
    here: Scene, unkilled: pd.DataFrame
) -> None:
    _, said = interrupted(here.orders(fuse=UPLOADING, then=Then.PAUSE))

    assert "1 batch runs on at the server; shards not yet submitted: 2." in said
    assert here.statuses() == ["in_progress"]

    here.model.may_answer.set()
    pd.testing.assert_frame_equal(scene.finished(here.orders()), unkilled)
    scene.check_bought_once(here)


@needs_ctrl_c
@pytest.mark.promise
@pytest.mark.parametrize(
    ("fuse", "then", "bought"), [(POLLING, Then.SAY, 2), (UPLOADING, Then.PAUSE, 1)], ids=["all", "half"]
)
def test_what_was_cancelled_after_ctrl_c_stays_cancelled_in_every_later_call(
    here: Scene, fuse: tuple[str, ...], then: Then, bought: int
) -> None:
    _, said = interrupted(here.orders(fuse=fuse, then=then))

    cancelled = dwbatch.attach(attached(said)).cancel()

    assert cancelled["status"].tolist() == here.statuses() == ["cancelled"] * bought
    assert not (here.orders().folder / "stop").exists()
    here.model.may_answer.set()
    for out in (scene.finished(here.orders()), scene.finished(here.orders())):
        assert out["response_status"].tolist() == ["cancelled"] * 2 + ["skipped"] + ["cancelled"] * 2
        assert out["response_error_code"].tolist()[0] == "batch_cancelled"
        assert out["response"].isna().all()
    assert here.server.ledger() == []
    assert len(here.statuses()) == bought


SILENT_WHILE = {
    "waiting": ("GET", "/batches/{id}", "ask GET /batches/*", 1),
    "buying": ("POST", "/batches", "ask POST /batches", 2),
}


@needs_ctrl_c
@pytest.mark.promise
@pytest.mark.parametrize(("method", "path", "moment", "presses"), SILENT_WHILE.values(), ids=SILENT_WHILE)
def test_ctrl_c_ends_a_call_whose_server_has_fallen_silent(
    here: Scene, unkilled: pd.DataFrame, method: str, path: str, moment: str, presses: int
) -> None:
    here.server.faults.hang(method, path, times=None)
    here.model.may_answer.set()
    orders = here.orders(fuse=(moment,), then=Then.SAY, workers=SHARDS)

    with scene.started(orders) as victim:
        scene.hear(victim, "now")
        victim.send_signal(signal.SIGINT)
        said = until_it_says(victim, "Interrupted. ")
        for _ in range(1, presses):
            victim.send_signal(signal.SIGINT)
        victim.wait(timeout=LONGEST_SILENCE_S)

    assert victim.returncode == -signal.SIGINT
    assert attached(said) == orders.folder
    here.server.faults.clear()
    pd.testing.assert_frame_equal(scene.finished(orders), unkilled)
    scene.check_bought_once(here)
    scene.check_tidy(orders.folder)


def until_it_says(victim: subprocess.Popen[str], beginning: str) -> str:
    """The line with which a call begins to end."""
    assert victim.stderr is not None
    return next(line for line in victim.stderr if line.startswith(beginning))


def test_a_cancel_reaches_a_call_that_is_running_and_ends_it(here: Scene) -> None:
    orders = here.orders(fuse=UPLOADING, then=Then.PAUSE)

    with scene.started(orders) as running:
        scene.hear(running, "now")
        dwbatch.attach(orders.folder).cancel()
        out = scene.outcome(running, orders)

    assert out["response_status"].tolist() == ["cancelled"] * 2 + ["skipped"] + ["cancelled"] * 2
    assert here.statuses() == ["cancelled"]
    assert here.server.ledger() == []


@pytest.mark.promise
def test_a_timeout_leaves_the_batches_running_and_the_same_call_goes_on(
    here: Scene, unkilled: pd.DataFrame
) -> None:
    orders = here.orders()
    patience = {"timeout": "1h", "poll_interval": "5min"}
    options = read_options({**orders.all_options(), **patience}, call="run")

    with pytest.raises(dwbatch.JobTimeoutError) as raised:
        carry_out(prepare(FRAME, PROMPT, options), Means(clock=StillClock()))

    assert "timeout='1h' is over. 2 batches run on at the server." in str(raised.value)
    assert attached(str(raised.value)) == orders.folder
    assert here.statuses() == ["in_progress", "in_progress"]
    here.model.may_answer.set()
    pd.testing.assert_frame_equal(scene.finished(orders), unkilled)
    scene.check_bought_once(here)
    scene.check_tidy(orders.folder)
