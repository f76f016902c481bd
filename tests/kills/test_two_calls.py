"""Two processes make the same call at once: one works, the other says for whom it waits."""

import socket
import subprocess

import pandas as pd
import pytest

import dwbatch
from dwbatch.call import prepare
from dwbatch.given import read_options
from dwbatch.sending import carry_out
from tests.kills import scene
from tests.kills.orders import FRAME, PROMPT, Then
from tests.kills.scene import POLLING, Scene

pytestmark = pytest.mark.promise


def until_it_waits(waiting: subprocess.Popen[str]) -> str:
    """The line in which a call says that it waits."""
    assert waiting.stderr is not None
    return next(line for line in waiting.stderr if line.startswith("waiting for"))


def test_the_second_of_two_calls_says_who_works_and_returns_the_same_frame(
    here: Scene, unkilled: pd.DataFrame
) -> None:
    first = here.orders(fuse=POLLING, then=Then.PAUSE)
    second = here.orders(out="second.parquet", options={"progress": True})

    with scene.started(first) as working:
        scene.hear(working, "now")
        with scene.started(second) as waiting:
            said = until_it_waits(waiting)
            here.model.may_answer.set()
            frames = scene.outcome(working, first), scene.outcome(waiting, second)

    assert f"process {working.pid} on {socket.gethostname()} (since " in said
    for out in frames:
        pd.testing.assert_frame_equal(out, unkilled)
    scene.check_bought_once(here)
    scene.check_tidy(first.folder)


def test_a_call_that_waits_takes_over_from_a_killed_one(here: Scene, unkilled: pd.DataFrame) -> None:
    first = here.orders(fuse=POLLING, then=Then.PAUSE)
    second = here.orders(options={"progress": True})

    with scene.started(first) as working:
        scene.hear(working, "now")
        with scene.started(second) as waiting:
            until_it_waits(waiting)
            working.kill()
            here.model.may_answer.set()
            out = scene.outcome(waiting, second)

    pd.testing.assert_frame_equal(out, unkilled)
    scene.check_bought_once(here)
    scene.check_tidy(first.folder)


def test_a_call_that_may_not_wait_long_names_the_process_that_works_and_sends_nothing(here: Scene) -> None:
    orders = here.orders(fuse=POLLING, then=Then.PAUSE)
    options = read_options({**orders.all_options(), "timeout": 0.2}, call="run")

    with scene.started(orders) as working:
        scene.hear(working, "now")
        before = len(here.server.exchanges())
        with pytest.raises(dwbatch.CheckpointLockedError) as raised:
            carry_out(prepare(FRAME, PROMPT, options))
        after = len(here.server.exchanges())

    assert f"process {working.pid} on {socket.gethostname()}" in str(raised.value)
    assert "Nothing was sent" in str(raised.value)
    assert before == after
