"""ENDED → FETCHED: read both result files whole, account for every request, keep it on disk."""

import logging
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.answers.decode import decode
from dwbatch.answers.pick import settle
from dwbatch.answers.results import LINES
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.columns import ErrorCode, Kind
from dwbatch.engine import faults
from dwbatch.engine.again import is_owed, judged
from dwbatch.engine.desk import Desk, Outcome
from dwbatch.errors import ApiError, NotAnApiError, TransportError

logger = logging.getLogger(__name__)

MALFORMED = ErrorCode.MALFORMED_LINE.value
# A server that still owes lines after a day will not bring them.
LONGEST_DEBT_S = 86_400.0


def fetch(shard: Shard, desk: Desk) -> Outcome:
    """Read a batch that is over.

    It is complete when every request has a line that can be read. Where some have none, the
    files are read once more a minute later, since lines may surface late, and a connection may end in the
    middle of a line without a word; only when two reads agree is a request missing, or its line malformed.
    """
    try:
        read = [_read(file_id, shard, desk) for file_id in (shard.output_file_id, shard.error_file_id)]
    except (ApiError, TransportError, NotAnApiError) as error:
        return _failed(shard, desk, error)
    memory = desk.memory(shard)
    memory.failures, memory.denials = 0, 0
    is_gone = any(table is None for table in read)
    lines = pa.concat_tables([_held(shard, desk), *(table for table in read if table is not None)])
    requests = desk.checkpoint.requests(shard.number)
    custom_ids = requests["custom_id"].combine_chunks()
    present = _named(custom_ids, lines)
    readable = _named(custom_ids, _readable(lines)) if _is_malformed(lines).any() else present
    if readable < shard.requests and not is_gone and not _is_final(shard, desk, readable):
        why = f"{shard.requests - readable} of {shard.requests} rows of shard {shard.number} have no result line yet"
        return Outcome(shard, again_in_s=desk.pace.settle_s, waiting_for=why)
    settled = settle(lines, custom_ids, batch_status=shard.server_status or "")
    # The answers in both orders at once are the most that a call ever holds.
    del lines, read
    pa.default_memory_pool().release_unused()
    for name in ("request_key", "answers_key"):
        settled = settled.append_column(name, requests[name])
    desk.checkpoint.write_results(shard.number, settled)
    is_fresh = np.full(len(settled), shard.number in desk.tally.ended)
    if desk.order.judge and Kind.INVALID in desk.order.kinds:
        settled = judged(settled, desk.order.judge)
    must_replan = bool(is_owed(settled, desk.order.kinds, is_fresh=is_fresh).any())
    outcome = _kept(shard, desk, present, may_grow=not is_gone)
    return replace(outcome, must_replan=must_replan)


def _named(custom_ids: pa.Array, lines: pa.Table) -> int:
    """How many requests have a line."""
    return pc.sum(pc.is_in(custom_ids, value_set=lines["custom_id"].combine_chunks())).as_py() or 0


def _readable(lines: pa.Table) -> pa.Table:
    """Which requests have a line that could be read; the texts of answers are not copied for it."""
    return lines.select(["custom_id"]).filter(pa.array(~_is_malformed(lines)))


def _is_malformed(lines: pa.Table) -> np.ndarray:
    return np.asarray(pc.is_in(lines["error_code"], value_set=pa.array([MALFORMED])))


def _read(file_id: str | None, shard: Shard, desk: Desk) -> pa.Table | None:
    """Lines of a result file; None if the file is gone for good."""
    if file_id is None:
        return LINES.empty_table()
    try:
        with desk.client.content(file_id) as content:
            return decode(content.blocks())
    except ApiError as error:
        if faults.is_absent(error) and desk.memory(shard).denials >= desk.pace.denials - 1:
            # Deleted by somebody: what it held cannot be had any more, and its
            # rows say so.
            logger.warning("result file %s is gone from the server", file_id)
            return None
        raise


def _held(shard: Shard, desk: Desk) -> pa.Table:
    """Lines that an earlier call has read: a second read never takes away what a first one found."""
    if not desk.checkpoint.has_results(shard.number):
        return LINES.empty_table()
    held = desk.checkpoint.results(shard.number, LINES.names)
    return held.filter(pc.is_valid(held["line_id"])).cast(LINES)


def _is_final(shard: Shard, desk: Desk, present: int) -> bool:
    is_all_there = present == shard.completed + shard.failed
    if is_all_there and shard.server_status in {"failed", "expired"}:
        return True
    if shard.fetched_at is not None:
        # An earlier call has read it already, long ago.
        return True
    memory, now = desk.memory(shard), desk.clock.monotonic()
    last, memory.last_look = memory.last_look, (now, present)
    return last is not None and last[1] == present and now - last[0] >= desk.pace.settle_s


def _kept(shard: Shard, desk: Desk, present: int, *, may_grow: bool) -> Outcome:
    now = desk.clock.now()
    fetched = replace(shard, state=State.FETCHED, fetched_at=now)
    if present == shard.requests or not may_grow:
        return Outcome(fetched)
    owes = present < shard.completed + shard.failed
    is_old = shard.ended_at is not None and (now - shard.ended_at).total_seconds() > LONGEST_DEBT_S
    # Requests in the air when a batch is cancelled may finish after it, and
    # are billed: the next call reads once more.
    is_cancelled = shard.server_status in {"cancelled", "cancelling"} and shard.fetched_at is None
    if (owes and not is_old) or is_cancelled:
        logger.warning(
            "shard %d: %d of %d rows have no line", shard.number, shard.requests - present, shard.requests
        )
        return Outcome(replace(shard, fetched_at=now), is_settled=True)
    return Outcome(fetched)


def _failed(shard: Shard, desk: Desk, error: ApiError | TransportError | NotAnApiError) -> Outcome:
    is_denied = faults.is_absent(error)
    desk.memory(shard).denials += is_denied
    if faults.may_pass(error) or is_denied or isinstance(error, NotAnApiError):
        wait_s = desk.backoff(shard, getattr(error, "retry_after_s", None))
        return Outcome(shard, again_in_s=wait_s, waiting_for=str(error))
    return Outcome(shard, fault=faults.stop(error, where=f"Fetching shard {shard.number} failed"))
