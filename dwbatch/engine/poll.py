"""SUBMITTED → ENDED: look at the batches, politely and for as long as it takes."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine import faults
from dwbatch.engine.desk import Desk, Outcome
from dwbatch.engine.times import seen
from dwbatch.errors import ApiError, NotAnApiError, TransportError
from dwbatch.wire.objects import Batch

logger = logging.getLogger(__name__)

TERMINAL = frozenset({"completed", "failed", "cancelled", "expired"})
# A list does not finalise a batch, a look at the batch itself does.
NEARLY = TERMINAL | {"finalizing"}
FEW = 3


def poll(shards: Sequence[Shard], desk: Desk) -> list[Outcome]:
    """Look at submitted shards: a few by id, many in one list call."""
    try:
        listed = _listed(shards, desk) if len(shards) > FEW else {}
    except (ApiError, TransportError, NotAnApiError) as error:
        return [_failed(shard, desk, error) for shard in shards]
    return [_look(shard, desk, listed.get(shard.batch_id or "")) for shard in shards]


def _listed(shards: Sequence[Shard], desk: Desk) -> dict[str, Batch]:
    wanted = {shard.batch_id for shard in shards if shard.batch_id}
    oldest = min((shard.submitted_at.timestamp() for shard in shards if shard.submitted_at), default=0.0)
    found: dict[str, Batch] = {}
    for batch in desk.client.batches(search=desk.order.recipe):
        if batch.id in wanted:
            found[batch.id] = batch
        if len(found) == len(wanted) or (batch.created_at or oldest) < oldest - 86_400:
            break
    return found


def _look(shard: Shard, desk: Desk, listed: Batch | None) -> Outcome:
    batch = listed
    if batch is None or batch.status in NEARLY:
        try:
            batch = desk.client.batch(shard.batch_id or "")
        except (ApiError, TransportError, NotAnApiError) as error:
            return _failed(shard, desk, error)
    desk.memory(shard).failures = 0
    now = seen(shard, batch)
    if batch.status in TERMINAL or _is_stuck(batch, desk):
        logger.info(
            "shard %d: batch %s is %s (%d done, %d failed of %d)",
            shard.number, batch.id, batch.status, now.completed, now.failed, shard.requests,
        )  # fmt: skip
        return Outcome(replace(now, state=State.ENDED, ended_at=desk.clock.now()))
    return Outcome(now)


def _is_stuck(batch: Batch, desk: Desk) -> bool:
    # Cancelled before it began, a batch says so for ever and never ends.
    return (
        batch.status == "cancelling"
        and batch.in_progress_at is None
        and batch.cancelling_at is not None
        and desk.clock.now().timestamp() - batch.cancelling_at > desk.pace.stuck_cancelling_s
    )


def _failed(shard: Shard, desk: Desk, error: ApiError | TransportError | NotAnApiError) -> Outcome:
    is_denied = isinstance(error, ApiError) and error.status == 404  # noqa: PLR2004 - a fresh id may be unknown for a moment
    if faults.may_pass(error) or is_denied or isinstance(error, NotAnApiError):
        return Outcome(
            shard,
            again_in_s=desk.backoff(shard, getattr(error, "retry_after_s", None)),
            waiting_for=str(error),
        )
    return Outcome(
        shard,
        fault=faults.stop(error, where=f"Looking at batch {shard.batch_id} (shard {shard.number}) failed"),
    )
