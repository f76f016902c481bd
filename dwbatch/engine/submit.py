"""UPLOADED → SUBMITTING → SUBMITTED: the one step that costs money.

SUBMITTING exists for one reason: a batch costs money once, and a crash between
the request and its reply must not buy it twice. The intent is on disk before
the POST, and no POST is made before a look-up, unless this very process has
just recorded the intent and tried nothing yet.
"""

import logging
import math
from collections.abc import Iterator
from dataclasses import replace

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine import faults
from dwbatch.engine.clock import Clock
from dwbatch.engine.desk import Desk, Outcome
from dwbatch.engine.marks import is_ours, metadata
from dwbatch.engine.times import moment, seen
from dwbatch.engine.upload import up_again
from dwbatch.errors import ApiError, JobStoppedError, NotAnApiError, TransportError
from dwbatch.wire.client import Client
from dwbatch.wire.failures import NeverSentError
from dwbatch.wire.objects import Batch

logger = logging.getLogger(__name__)

FORBIDDEN = 403
CLOCKS_APART_S = 86_400.0


def intend(shard: Shard, desk: Desk) -> Outcome:
    """Declare the purchase. The runner writes it down before anything else happens."""
    # From here on this process knows that it has not posted yet.
    desk.memory(shard)
    return Outcome(
        replace(
            desk.renamed(shard),
            state=State.SUBMITTING,
            submitting_at=desk.clock.now(),
            attempt=shard.attempt + 1,
        )
    )


def submit(shard: Shard, desk: Desk) -> Outcome:
    """Buy a shard's batch, or find it bought."""
    memory = desk.memory(shard)
    if memory.must_look_up:
        known = _looked_up(shard, desk) or _still_unclear(shard, desk)
        if known is not None:
            return known
    if desk.checkpoint.is_stopped():
        # Back to where nothing was bought; the runner drops it there.
        return Outcome(replace(shard, state=State.UPLOADED))
    if desk.stopping.is_set():
        # Whoever pressed Ctrl-C wants nothing more bought now.
        return Outcome(shard if memory.must_look_up else replace(shard, state=State.UPLOADED))
    return _post(shard, desk)


def settle(shard: Shard, desk: Desk) -> Outcome:
    """Find a purchase whose reply was lost, or leave it in doubt; buys nothing, ever."""
    known = _looked_up(shard, desk)
    if known is not None:
        return known
    waiting = _still_unclear(shard, desk)
    if waiting is not None and waiting.fault is None:
        return waiting
    desk.say(
        f"Shard {shard.number} ({shard.requests:,} requests): the server shows no batch of it. It stays SUBMITTING: "
        "the call that made it looks again before it buys anything."
    )
    return Outcome(shard, is_settled=True)


def look_up(shard: Shard, client: Client, clock: Clock) -> Shard | None:
    """Settle an unclear purchase by the shard's mark; None if the server shows no such batch."""
    found = list(_found(shard, client))
    if not found:
        return None
    if len(found) > 1:
        # All of them are paid for; none is cancelled, since none of them is wrong.
        logger.warning("shard %d: %d batches carry its mark; the oldest is used", shard.number, len(found))
    oldest = min(found, key=lambda batch: (batch.created_at or 0.0, batch.id))
    logger.info("shard %d: adopted batch %s", shard.number, oldest.id)
    return _submitted(shard, clock, oldest)


def _found(shard: Shard, client: Client) -> Iterator[Batch]:
    planned = shard.planned_at.timestamp() if shard.planned_at else 0.0
    for batch in client.batches(search=shard.token):
        if is_ours(shard, batch):
            yield batch
        # Where search is ignored the whole list comes, newest first: what is
        # older than the plan cannot be ours, give or take two clocks.
        elif (batch.created_at or planned) < planned - CLOCKS_APART_S:
            return


def _still_unclear(shard: Shard, desk: Desk) -> Outcome | None:
    memory, now = desk.memory(shard), desk.clock.monotonic()
    if memory.unclear_since is None:
        # A dead process left this shard; how long ago its attempt ended is anyone's guess.
        memory.unclear_since = now
    left_s = memory.unclear_since + desk.pace.grace_s - now
    if left_s > 0:
        why = f"whether shard {shard.number} was bought is unclear; looking again before buying"
        return Outcome(shard, again_in_s=min(left_s, desk.pace.grace_s / 6), waiting_for=why)
    if memory.unclear_posts >= desk.pace.unclear_posts:
        sentence = (
            f"Shard {shard.number} ({shard.requests} requests): POST /batches ended unclearly "
            f"{memory.unclear_posts} times and the server shows no batch of it. It stays SUBMITTING: "
            "the same call looks again before it buys anything."
        )
        return Outcome(shard, fault=JobStoppedError(sentence))
    return None


def _looked_up(shard: Shard, desk: Desk) -> Outcome | None:
    """What a look at the server says of an unclear purchase; None if it shows no batch."""
    try:
        found = look_up(shard, desk.client, desk.clock)
    except (ApiError, TransportError, NotAnApiError) as error:
        return _looking_failed(shard, desk, error)
    return None if found is None else _bought(found, desk)


def _looking_failed(shard: Shard, desk: Desk, error: ApiError | TransportError | NotAnApiError) -> Outcome:
    if not faults.may_pass(error):
        where = f"Shard {shard.number} may have been bought, and looking it up failed"
        return Outcome(shard, fault=faults.stop(error, where=where))
    wait_s = desk.backoff(shard, getattr(error, "retry_after_s", None))
    return Outcome(shard, again_in_s=wait_s, waiting_for=str(error))


def _post(shard: Shard, desk: Desk) -> Outcome:
    memory = desk.memory(shard)
    # From here on this process no longer knows that nothing was bought.
    memory.must_look_up = True
    try:
        batch = desk.client.create_batch(
            input_file_id=shard.input_file_id or "",
            endpoint=shard.endpoint,
            completion_window=shard.completion_window,
            metadata=_marks(shard, desk),
        )
    except (ApiError, TransportError, NotAnApiError) as error:
        return _refused(shard, desk, error)
    logger.info("shard %d: batch %s bought (%d requests)", shard.number, batch.id, shard.requests)
    return _bought(_submitted(shard, desk.clock, batch), desk)


def _marks(shard: Shard, desk: Desk) -> dict[str, str]:
    keys = desk.checkpoint.requests(shard.number, ["answers_key"])["answers_key"]
    return metadata(shard, job=desk.order.job, keys=keys, given=desk.order.metadata)


def _refused(shard: Shard, desk: Desk, error: ApiError | TransportError | NotAnApiError) -> Outcome:
    memory = desk.memory(shard)
    if isinstance(error, NeverSentError):
        if memory.unclear_since is None:
            # Nothing of ours can turn up later: the look-up alone is due, and no grace.
            memory.unclear_since = -math.inf
        return Outcome(shard, again_in_s=desk.backoff(shard), waiting_for=str(error))
    if faults.is_unclear(error) or isinstance(error, NotAnApiError):
        memory.unclear_posts += 1
        memory.unclear_since = desk.clock.monotonic()
        logger.warning(
            "shard %d: POST /batches ended unclearly (%s), looking for its batch", shard.number, error
        )
        return Outcome(shard, again_in_s=desk.backoff(shard), waiting_for=str(error))
    memory.must_look_up = False
    if _is_about_file(error, shard) and not memory.has_lost_file:
        return up_again(shard, desk)
    back = replace(shard, state=State.UPLOADED)
    if faults.may_pass(error):
        wait_s = desk.backoff(shard, getattr(error, "retry_after_s", None))
        return Outcome(back, again_in_s=wait_s, waiting_for=str(error))
    where = f"Shard {shard.number} ({shard.requests} requests) was uploaded but its batch was refused"
    return Outcome(back, fault=error if not faults.is_pointless(error) else faults.stop(error, where=where))


def _bought(shard: Shard, desk: Desk) -> Outcome:
    memory = desk.memory(shard)
    memory.failures, memory.must_look_up = 0, False
    return Outcome(shard)


def _submitted(shard: Shard, clock: Clock, batch: Batch) -> Shard:
    bought = replace(shard, state=State.SUBMITTED, batch_id=batch.id, submitted_at=clock.now())
    return seen(replace(bought, expires_at=moment(batch.expires_at)), batch)


def _is_about_file(error: Exception, shard: Shard) -> bool:
    """Whether the server has no such file, or it is another account's, which is said with its id."""
    if not isinstance(error, ApiError):
        return False
    is_foreign = error.status == FORBIDDEN and (shard.input_file_id or "") in str(error)
    return faults.is_absent(error) or (is_foreign and shard.input_file_id is not None)
