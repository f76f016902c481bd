"""The server does what it was asked and its reply is lost, again and again, and the process dies on top of it."""

from collections.abc import Callable

import pandas as pd
import pytest

from dwbatch.call import prepare
from dwbatch.given import read_options
from dwbatch.local import Server
from dwbatch.sending import Means, carry_out
from tests.engine.world import StillClock, until_idle
from tests.kills import scene
from tests.kills.orders import FRAME, PROMPT, REQUESTS, SHARDS
from tests.kills.scene import Scene

pytestmark = pytest.mark.promise

# One batch, since another one would go on while the first is looked for.
ONE_BATCH = {"max_requests_per_batch": REQUESTS}

Loss = Callable[[Server, str, int], None]

# The call is made, its reply does not come, and the process dies before it looks for what became of it.
LOST_AND_KILLED = {
    "/files": (("ask POST /files", "ask GET /files"), ["PLANNED"]),
    "/batches": (("ask POST /batches", "ask GET /batches"), ["SUBMITTING"]),
}


def reset(server: Server, path: str, times: int) -> None:
    """The connection is reset once the work is done."""
    server.faults.reset("POST", path, when="after", times=times)


def answer_500(server: Server, path: str, times: int) -> None:
    """The work is done, and a proxy answers in its place."""
    server.faults.reply("POST", path, status=500, body="upstream closed", when="after", times=times)


def never_arrive(server: Server, path: str, times: int) -> None:
    """The connection is reset before any work is done, which looks the same to the caller."""
    server.faults.reset("POST", path, when="before", times=times)


def in_this_process(here: Scene) -> pd.DataFrame:
    """The call, with a clock that does not make anybody wait."""
    options = read_options(here.orders().all_options(), call="run")
    out, _ = carry_out(prepare(FRAME, PROMPT, options), Means(clock=StillClock(until_idle(here.server))))
    return out


@pytest.mark.parametrize("lose", [reset, answer_500])
@pytest.mark.parametrize("path", LOST_AND_KILLED)
def test_what_every_shard_lost_the_reply_to_is_found_and_not_sent_again(
    here: Scene, unkilled: pd.DataFrame, lose: Loss, path: str
) -> None:
    here.model.may_answer.set()
    lose(here.server, path, SHARDS)

    out = in_this_process(here)

    assert here.server.faults.unfired == []
    pd.testing.assert_frame_equal(out, unkilled)
    scene.check_bought_once(here)
    scene.check_tidy(here.orders().folder)


@pytest.mark.parametrize("path", LOST_AND_KILLED)
def test_three_lost_replies_in_a_row_buy_nothing_twice(
    here: Scene, unkilled: pd.DataFrame, path: str
) -> None:
    here.model.may_answer.set()
    reset(here.server, path, 1)
    # The first search of batches is the look at the account, before anything is sent.
    skip = int(path == "/batches")
    here.server.faults.reply("GET", path, status=502, query="search=", times=2, skip=skip)

    out = in_this_process(here)

    assert here.server.faults.unfired == []
    pd.testing.assert_frame_equal(out, unkilled)
    scene.check_bought_once(here)


@pytest.mark.parametrize("lose", [reset, answer_500, never_arrive])
@pytest.mark.parametrize("path", LOST_AND_KILLED)
def test_a_lost_reply_and_a_kill_buy_nothing_twice(
    here: Scene, unkilled: pd.DataFrame, lose: Loss, path: str
) -> None:
    fuse, left = LOST_AND_KILLED[path]
    here.model.may_answer.set()
    lose(here.server, path, 1)
    scene.killed(here.orders(fuse=fuse, options=ONE_BATCH))
    assert here.server.faults.unfired == []
    assert scene.states(here.orders().folder) == left

    out = scene.finished(here.orders(options=ONE_BATCH))

    pd.testing.assert_frame_equal(out, unkilled)
    scene.check_bought_once(here, batches=1)
    scene.check_tidy(here.orders().folder)


def test_three_processes_that_never_learn_what_they_bought_buy_it_once(
    here: Scene, unkilled: pd.DataFrame
) -> None:
    fuse, left = LOST_AND_KILLED["/batches"]
    here.model.may_answer.set()
    for lose in (never_arrive, never_arrive, reset):
        lose(here.server, "/batches", 1)
        scene.killed(here.orders(fuse=fuse, options=ONE_BATCH))
        assert scene.states(here.orders().folder) == left

    out = scene.finished(here.orders(options=ONE_BATCH))

    pd.testing.assert_frame_equal(out, unkilled)
    scene.check_bought_once(here, batches=1)
    scene.check_tidy(here.orders().folder)
