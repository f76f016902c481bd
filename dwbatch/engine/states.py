"""The moves a shard may make, and what each state means for money and for rows."""

from dwbatch.checkpoint.shard import Shard, State

MOVES: dict[State, frozenset[State]] = {
    # To PLANNED itself: an upload whose outcome is unclear is tried again.
    State.PLANNED: frozenset({State.PLANNED, State.UPLOADED, State.DROPPED}),
    # Back to PLANNED when the server has forgotten the file.
    State.UPLOADED: frozenset(
        {State.UPLOADED, State.SUBMITTING, State.SUBMITTED, State.PLANNED, State.DROPPED}
    ),
    # Back to UPLOADED or PLANNED only on a definite no.
    # Dropped only when a cancel came first and a look-up showed no batch.
    State.SUBMITTING: frozenset(
        {State.SUBMITTING, State.SUBMITTED, State.UPLOADED, State.PLANNED, State.DROPPED}
    ),
    State.SUBMITTED: frozenset({State.SUBMITTED, State.ENDED, State.GONE}),
    State.ENDED: frozenset({State.ENDED, State.FETCHED}),
    State.FETCHED: frozenset(),
    State.DROPPED: frozenset(),
    State.GONE: frozenset(),
}

# Nothing was paid for these, so they may be dropped.
UNPAID = frozenset({State.PLANNED, State.UPLOADED})

# Paid for, perhaps or surely, and not yet on disk: their requests are never planned again.
IN_FLIGHT = frozenset({State.SUBMITTING, State.SUBMITTED, State.ENDED})

OVER = frozenset({State.FETCHED, State.DROPPED, State.GONE})


def check_move(old: Shard, new: Shard) -> None:
    """Refuse a move that is not in the table: a fault of ours, never of the user's.

    Raises
    ------
    AssertionError
        With both states and the shard's number.
    """
    if new.state not in MOVES[old.state]:
        raise AssertionError(f"shard {old.number} cannot go from {old.state} to {new.state}")
