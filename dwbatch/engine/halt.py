"""A user's cancel, obeyed: nothing more is bought, what runs is cancelled, what was not sent says so.

The word is a file, ``stop``, so that it reaches whoever holds the lock, in
whatever process; it is taken away once it is obeyed.
"""

import logging
from collections.abc import Iterable
from dataclasses import replace

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.columns import ErrorCode, Status
from dwbatch.engine.desk import Desk, Outcome
from dwbatch.engine.refusals import write_verdict
from dwbatch.engine.states import UNPAID
from dwbatch.engine.submit import look_up
from dwbatch.wire.client import Client
from dwbatch.wire.objects import Batch

logger = logging.getLogger(__name__)

OVER_OR_CANCELLING = frozenset({"completed", "failed", "cancelled", "expired", "cancelling"})
SENTENCE = "The job was cancelled before this request was sent."


def never_sent(shard: Shard, desk: Desk) -> Outcome:
    """Drop a shard that was not bought; each of its rows says why."""
    requests = desk.checkpoint.requests(shard.number)
    write_verdict(
        shard,
        requests,
        desk,
        status=Status.CANCELLED,
        code=ErrorCode.BATCH_CANCELLED.value,
        sentence=SENTENCE,
    )
    logger.info("shard %d: not sent, the job is cancelled", shard.number)
    dropped = replace(shard, state=State.DROPPED, ended_at=desk.clock.now(), fetched_at=desk.clock.now())
    return Outcome(dropped, is_settled=True)


def cancel_running(shard: Shard, client: Client) -> Batch:
    """Cancel a batch unless it is over: cancelling one that is would relabel it.

    An adopted batch may be somebody else's, so it runs on.
    """
    batch = client.batch(shard.batch_id or "")
    if batch.status in OVER_OR_CANCELLING or shard.adopted_at is not None:
        return batch
    logger.info("shard %d: cancelling batch %s", shard.number, batch.id)
    return client.cancel(batch.id)


def obey(shards: Iterable[Shard], desk: Desk) -> list[Shard]:
    """Settle a cancel that nobody was there to obey; for the holder of the lock.

    Returns
    -------
    list of Shard
        All shards as they stand now, recorded.
    """
    settled = []
    for shard in shards:
        if shard.server == desk.order.server and shard.state in UNPAID | {State.SUBMITTING, State.SUBMITTED}:
            settled.append(_obey(shard, desk))
        else:
            settled.append(shard)
    desk.checkpoint.write_shards(settled)
    desk.checkpoint.clear_stop()
    return settled


def _obey(shard: Shard, desk: Desk) -> Shard:
    if shard.state is not State.SUBMITTED and (shard.attempt or shard.state is State.SUBMITTING):
        shard = look_up(shard, desk) or shard
    if shard.state is State.SUBMITTED:
        cancel_running(shard, desk.client)
        return shard
    return never_sent(shard, desk).shard
