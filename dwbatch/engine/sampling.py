"""A watcher that notes how far a job is, at most once a minute, for a plot of it."""

from collections.abc import Collection
from contextlib import suppress

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.samples import add_sample
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.clock import Clock
from dwbatch.engine.runner import Watcher
from dwbatch.engine.states import OVER
from dwbatch.errors import CheckpointError

BETWEEN_S = 60.0


class Sampled:
    """A watcher, and a note of what it saw: at first, every minute, and at the end.

    Parameters
    ----------
    watcher : Watcher
    checkpoint : Checkpoint
        Whose lock is held.
    clock : Clock
    """

    def __init__(self, watcher: Watcher, checkpoint: Checkpoint, clock: Clock) -> None:
        self._watcher = watcher
        self._checkpoint = checkpoint
        self._clock = clock
        self._last: float | None = None
        self._has_ended = False

    def show(self, shards: Collection[Shard], waiting_for: str | None) -> None:
        """Pass on what is seen; what is not bought yet is no progress, and is not noted."""
        self._watcher.show(shards, waiting_for)
        bought = [
            shard for shard in shards if shard.state not in {State.PLANNED, State.UPLOADED, State.SUBMITTING}
        ]
        now, has_ended = self._clock.monotonic(), all(shard.state in OVER for shard in shards)
        is_due = self._last is None or now - self._last >= BETWEEN_S or (has_ended and not self._has_ended)
        if not bought or not is_due:
            return
        self._last, self._has_ended = now, has_ended
        # A note for a plot is not worth a call that stops.
        with suppress(CheckpointError):
            add_sample(
                self._checkpoint,
                at=self._clock.now(),
                requests=sum(shard.requests for shard in shards if shard.state is not State.DROPPED),
                completed=sum(shard.completed for shard in bought),
                failed=sum(shard.failed for shard in bought),
            )
