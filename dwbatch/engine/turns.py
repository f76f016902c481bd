"""Whose turn it is: which of the shards that are due takes its step first, and which has to wait."""

from collections.abc import Collection, Iterable

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.states import IN_FLIGHT

# At the server, or on the way there and back.
BEGUN = IN_FLIGHT | {State.UPLOADED}

# What was uploaded is bought before more is uploaded; what is over is fetched in between.
PRECEDENCE = (State.SUBMITTING, State.UPLOADED, State.ENDED, State.PLANNED)


def in_turn(
    due: Iterable[Shard],
    open_shards: Iterable[Shard],
    running: Collection[int],
    most_active: int | None,
) -> list[Shard]:
    """Shards whose step may begin, in the order in which they should.

    Parameters
    ----------
    due : iterable of Shard
        Whose next step is due.
    open_shards : iterable of Shard
        Every one that the call has not done with.
    running : collection of int
        Numbers of those whose step is under way.
    most_active : int or None
        Most shards between upload and fetch; the others wait until one of them is done.
    """
    ready = sorted(
        (shard for shard in due if shard.state in PRECEDENCE),
        key=lambda shard: (PRECEDENCE.index(shard.state), shard.number),
    )
    if most_active is None:
        return ready
    begun = sum(shard.state in BEGUN or shard.number in running for shard in open_shards)
    begun_already = [shard for shard in ready if shard.state is not State.PLANNED]
    new = [shard for shard in ready if shard.state is State.PLANNED]
    return begun_already + new[: max(0, most_active - begun)]
