"""A watcher that notes how far a job is, at most once a minute, for a plot of it."""

from collections.abc import Collection, Iterable

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.samples import Sample, add_sample
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.clock import Clock
from dwbatch.engine.states import OVER
from dwbatch.engine.watching import Watcher

BETWEEN_S = 60.0
UNBOUGHT = {State.PLANNED, State.UPLOADED, State.SUBMITTING}


class Sampled:
    """A watcher, and a note of what it saw: at first, every minute, and at the end.

    Parameters
    ----------
    watcher : Watcher
    checkpoint : Checkpoint
        Whose lock is held.
    clock : Clock
    others : iterable of Shard
        Those of the job that are not carried any further, and count with the rest.
    """

    def __init__(
        self, watcher: Watcher, checkpoint: Checkpoint, clock: Clock, *, others: Iterable[Shard] = ()
    ) -> None:
        self._watcher = watcher
        self._checkpoint = checkpoint
        self._clock = clock
        self._others = tuple(others)
        self._last: float | None = None
        self._has_ended = False

    def show(self, shards: Collection[Shard], waiting_for: str | None) -> None:
        """Pass on what is seen; what is not bought yet is no progress, and is not noted."""
        self._watcher.show(shards, waiting_for)
        now, has_ended = self._clock.monotonic(), all(shard.state in OVER for shard in shards)
        is_due = self._last is None or now - self._last >= BETWEEN_S or (has_ended and not self._has_ended)
        if not is_due or all(shard.state in UNBOUGHT for shard in shards):
            return
        self._last, self._has_ended = now, has_ended
        known = [shard for shard in (*self._others, *shards) if shard.state is not State.DROPPED]
        bought = [shard for shard in known if shard.state not in UNBOUGHT]
        add_sample(
            self._checkpoint,
            Sample(
                at=self._clock.now(),
                requests=sum(shard.requests for shard in known),
                completed=sum(shard.completed for shard in bought),
                failed=sum(shard.failed for shard in bought),
            ),
        )
