"""SUBMITTED → ENDED: look at the batches, politely and for as long as it takes."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.columns import ErrorCode, Status
from dwbatch.engine import faults
from dwbatch.engine.desk import Desk, Outcome
from dwbatch.engine.halt import cancel_running
from dwbatch.engine.refusals import write_verdict
from dwbatch.engine.submit import look_up
from dwbatch.engine.times import seen
from dwbatch.errors import ApiError, NotAnApiError, TransportError
from dwbatch.wire.address import is_loopback
from dwbatch.wire.objects import Batch

logger = logging.getLogger(__name__)

TERMINAL = frozenset({"completed", "failed", "cancelled", "expired"})
# A list does not finalise a batch, a look at the batch itself does.
NEARLY = TERMINAL | {"finalizing"}
FEW = 3
CLOCKS_APART_S = 86_400.0


def poll(shards: Sequence[Shard], desk: Desk) -> list[Outcome]:
    """Look at submitted shards: a few by id, many in one list call."""
    try:
        listed = _listed(shards, desk) if len(shards) > FEW else {}
    except (ApiError, TransportError, NotAnApiError) as error:
        return _together([_failed(shard, desk, error) for shard in shards])
    outcomes = []
    for shard in shards:
        if desk.stopping.is_set():
            break
        outcomes.append(_look(shard, desk, listed.get(shard.batch_id or "")))
    return _together(outcomes)


def _together(outcomes: list[Outcome]) -> list[Outcome]:
    """Let those that have to wait, wait for the longest of them, so that one list call shows them all again."""
    longest_s = max((outcome.again_in_s for outcome in outcomes), default=0.0)
    return [replace(outcome, again_in_s=longest_s) if outcome.again_in_s else outcome for outcome in outcomes]


def _listed(shards: Sequence[Shard], desk: Desk) -> dict[str, Batch]:
    wanted = {shard.batch_id for shard in shards if shard.batch_id}
    oldest = min((shard.submitted_at.timestamp() for shard in shards if shard.submitted_at), default=0.0)
    found: dict[str, Batch] = {}
    for batch in desk.client.batches(search=desk.order.recipe):
        if batch.id in wanted:
            found[batch.id] = batch
        if len(found) == len(wanted) or (batch.created_at or oldest) < oldest - CLOCKS_APART_S:
            break
    return found


def _look(shard: Shard, desk: Desk, listed: Batch | None) -> Outcome:
    batch = listed
    try:
        if desk.checkpoint.is_stopped():
            batch = cancel_running(shard, desk.client)
        elif batch is None or batch.status in NEARLY:
            batch = desk.client.batch(shard.batch_id or "")
    except (ApiError, TransportError, NotAnApiError) as error:
        return _failed(shard, desk, error)
    memory = desk.memory(shard)
    memory.failures, memory.denials = 0, 0
    now = seen(shard, batch)
    if batch.status in TERMINAL or _is_stuck(batch, desk):
        logger.info(
            "shard %d: batch %s is %s (%d done, %d failed of %d)",
            shard.number, batch.id, batch.status, now.completed, now.failed, shard.requests,
        )  # fmt: skip
        return Outcome(replace(now, state=State.ENDED, ended_at=desk.clock.now()))
    return Outcome(now, waiting_for=_overdue(now, desk))


def _overdue(shard: Shard, desk: Desk) -> str | None:
    # The window is a target: the batch runs on past it, and bills.
    if shard.expires_at is None or desk.clock.now() <= shard.expires_at:
        return None
    return f"batch {shard.batch_id} is overdue since {shard.expires_at:%Y-%m-%d %H:%M} UTC and runs on"


def _is_stuck(batch: Batch, desk: Desk) -> bool:
    # Cancelled before it began, a batch says so for ever and never ends.
    return (
        batch.status == "cancelling"
        and batch.in_progress_at is None
        and batch.cancelling_at is not None
        and desk.clock.now().timestamp() - batch.cancelling_at > desk.pace.stuck_cancelling_s
    )


def _failed(shard: Shard, desk: Desk, error: ApiError | TransportError | NotAnApiError) -> Outcome:
    if faults.is_absent(error):
        return _denied(shard, desk, error)
    if faults.may_pass(error) or isinstance(error, NotAnApiError):
        wait_s = desk.backoff(shard, getattr(error, "retry_after_s", None))
        return Outcome(shard, again_in_s=wait_s, waiting_for=str(error))
    where = f"Looking at batch {shard.batch_id} (shard {shard.number}) failed"
    return Outcome(shard, fault=faults.stop(error, where=where))


def _denied(shard: Shard, desk: Desk, error: ApiError) -> Outcome:
    """A batch that the server does not show: perhaps for a moment, perhaps for good."""
    memory, now = desk.memory(shard), desk.clock.monotonic()
    try:
        found = look_up(shard, desk.client, desk.clock)
    except (ApiError, TransportError, NotAnApiError) as unclear:
        return Outcome(shard, again_in_s=desk.backoff(shard), waiting_for=str(unclear))
    if found is not None:
        return Outcome(found, again_in_s=desk.backoff(shard))
    memory.denials += 1
    if memory.denials == 1 or memory.denied_since is None:
        memory.denied_since = now
    # A server on this machine has no replica that could lag behind.
    patience_s = 0.0 if is_loopback(desk.client.base_url) else desk.pace.denial_s
    if memory.denials < desk.pace.denials or now - memory.denied_since < patience_s:
        return Outcome(shard, again_in_s=desk.backoff(shard), waiting_for=str(error))
    sentence = f"The server no longer knows batch {shard.batch_id}; it was deleted, or its store was."
    requests = desk.checkpoint.requests(shard.number)
    code = ErrorCode.BATCH_GONE.value
    write_verdict(desk.checkpoint, shard, requests, status=Status.MISSING, code=code, sentence=sentence)
    logger.warning("shard %d: batch %s is gone from the server", shard.number, shard.batch_id)
    desk.say(f"{sentence} Its {shard.requests:,} requests are missing; retry='missing' buys them again.")
    gone = replace(shard, state=State.GONE, ended_at=desk.clock.now(), fetched_at=desk.clock.now())
    return Outcome(gone, is_settled=True)
