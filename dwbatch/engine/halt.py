"""A user's cancel, obeyed: nothing more is bought, what runs is cancelled, what was not sent says so.

The word is a file, ``stop``, so that it reaches whoever holds the lock, in
whatever process; it is taken away once it is obeyed.
"""

import logging
from dataclasses import replace

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.columns import ErrorCode, Status
from dwbatch.engine import faults
from dwbatch.engine.clock import Clock
from dwbatch.engine.refusals import write_verdict
from dwbatch.engine.states import UNPAID
from dwbatch.engine.submit import look_up
from dwbatch.errors import ApiError
from dwbatch.wire.client import Client
from dwbatch.wire.objects import Batch

logger = logging.getLogger(__name__)

OVER_OR_CANCELLING = frozenset({"completed", "failed", "cancelled", "expired", "cancelling"})
SENTENCE = "The job was cancelled before this request was sent."


def never_sent(shard: Shard, checkpoint: Checkpoint, clock: Clock) -> Shard:
    """Drop a shard that was not bought; each of its rows says why."""
    write_verdict(
        checkpoint,
        shard,
        checkpoint.requests(shard.number),
        status=Status.CANCELLED,
        code=ErrorCode.BATCH_CANCELLED.value,
        sentence=SENTENCE,
    )
    logger.info("shard %d: not sent, the job is cancelled", shard.number)
    return replace(shard, state=State.DROPPED, ended_at=clock.now(), fetched_at=clock.now())


def cancel_running(shard: Shard, client: Client) -> Batch:
    """Cancel a batch unless it is over: cancelling one that is would relabel it.

    An adopted batch may be somebody else's, so it runs on.
    """
    batch = client.batch(shard.batch_id or "")
    if batch.status in OVER_OR_CANCELLING or shard.adopted_at is not None:
        return batch
    logger.info("shard %d: cancelling batch %s", shard.number, batch.id)
    return client.cancel(batch.id)


def obey(checkpoint: Checkpoint, client: Client, clock: Clock, *, server: str) -> None:
    """Settle a cancel that nobody was there to obey; for the holder of the lock.

    Shards that were not bought are dropped with their rows cancelled, those whose purchase is
    unclear are looked up, and what runs is cancelled. Then the word is taken away.
    """
    shards = checkpoint.shards()
    settled = [
        _obey(shard, checkpoint, client, clock) if shard.server == server else shard for shard in shards
    ]
    if settled != shards:
        checkpoint.write_shards(settled)
    checkpoint.clear_stop()


def _obey(shard: Shard, checkpoint: Checkpoint, client: Client, clock: Clock) -> Shard:
    if shard.state is State.SUBMITTING or (shard.state in UNPAID and shard.attempt):
        shard = look_up(shard, client, clock) or shard
    if shard.state is State.SUBMITTED:
        try:
            cancel_running(shard, client)
        except ApiError as error:
            # Deleted by somebody: nothing of it runs, and polling finds out for good.
            if not faults.is_absent(error):
                raise
        return shard
    if shard.state is State.SUBMITTING or shard.state in UNPAID:
        return never_sent(shard, checkpoint, clock)
    return shard
