"""What was begun goes on before anything new begins, and no more begins than may be in flight."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.turns import BEGUN, in_turn
from dwbatch.local import Server
from tests.engine.world import Effects, run

ORDER = (State.SUBMITTING, State.ENDED, State.PLANNED)


def shard(number: int, state: State) -> Shard:
    return Shard(
        number=number, token="", job="j", recipe="r", server="s", state=state, requests=1, bytes=1,
        endpoint="/v1/chat/completions", completion_window="24h",
    )  # fmt: skip


STATES = st.sampled_from([*ORDER, State.UPLOADED, State.SUBMITTED])


@given(states=st.lists(STATES, max_size=8), most=st.integers(1, 4), running=st.sets(st.integers(0, 7)))
def test_no_more_begin_than_may_be_in_flight(states: list[State], most: int, running: set[int]) -> None:
    shards = [shard(number, state) for number, state in enumerate(states)]
    due = [each for each in shards if each.number not in running]

    turn = in_turn(due, shards, running, most)

    begun = {each.number for each in shards if each.state in BEGUN or each.number in running}
    new = [each.number for each in turn if each.state is State.PLANNED]
    assert not new or len(begun) + len(new) <= most
    assert {each.number for each in due if each.state in ORDER[:2]} <= {each.number for each in turn}
    assert new == sorted(new)


def test_without_a_limit_the_states_alone_give_the_order() -> None:
    shards = [
        shard(1, State.PLANNED),
        shard(2, State.ENDED),
        shard(3, State.SUBMITTING),
        shard(4, State.PLANNED),
    ]

    assert [each.number for each in in_turn(shards, shards, set(), None)] == [3, 2, 1, 4]


@pytest.mark.parametrize("most", [1, 2])
def test_a_job_of_many_shards_keeps_within_its_limit_and_ends(tmp_path: Path, most: int) -> None:
    effects = Effects()
    frame = pd.DataFrame({"text": list("abcde")})

    with Server() as server:
        out = run(frame, server, effects, checkpoint=tmp_path / "job", max_active_batches=most)

    active, highest = 0, 0
    for effect in effects.trace:
        active += effect == "POST /v1/files"
        active -= effect == "sync results/"
        highest = max(highest, active)
    assert Counter(out["response_status"]) == {"ok": 5}
    assert highest == most
