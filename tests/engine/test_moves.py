"""The moves of a shard: any that is not in the table is a fault, and none of them un-buys anything."""

import pytest

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.states import IN_FLIGHT, MOVES, OVER, UNPAID, check_move

pytestmark = pytest.mark.promise

BOUGHT = frozenset({State.SUBMITTED, State.ENDED, State.FETCHED, State.GONE})


def shard(state: State) -> Shard:
    return Shard(7, "t", "j", "r", "s", state, 1, 1, "/v1/chat/completions", "24h")


@pytest.mark.parametrize("old", State)
@pytest.mark.parametrize("new", State)
def test_a_move_that_is_not_in_the_table_is_a_fault_of_ours(old: State, new: State) -> None:
    if new in MOVES[old]:
        check_move(shard(old), shard(new))
        return

    with pytest.raises(AssertionError, match=f"shard 7 cannot go from {old} to {new}"):
        check_move(shard(old), shard(new))


def test_what_is_bought_is_never_unbought() -> None:
    reachable = {new for old in BOUGHT for new in MOVES[old]}

    assert reachable <= BOUGHT


def test_nothing_is_bought_without_an_intent_before() -> None:
    # From UPLOADED straight to SUBMITTED goes only what is adopted.
    assert {old for old in State if State.SUBMITTED in MOVES[old]} == {
        State.UPLOADED,
        State.SUBMITTING,
        State.SUBMITTED,
    }
    assert {old for old in State if State.SUBMITTING in MOVES[old]} == {State.UPLOADED, State.SUBMITTING}


def test_every_state_is_unpaid_in_flight_or_over() -> None:
    assert sorted([*UNPAID, *IN_FLIGHT, *OVER]) == sorted(State)
    assert all(not MOVES[state] for state in OVER)
