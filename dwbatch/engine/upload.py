"""PLANNED → UPLOADED: write the request file, send it once, or find it already there."""

import logging
from dataclasses import replace
from typing import BinaryIO

import pyarrow as pa

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine import faults
from dwbatch.engine.desk import Desk, Limits, Outcome
from dwbatch.engine.marks import file_name
from dwbatch.engine.refusals import MOST_REFUSALS, halved, limit_in, record_refused, refused_line
from dwbatch.engine.source import SourceChangedError
from dwbatch.errors import ApiError, CheckpointError, NotAnApiError, TransportError
from dwbatch.wire.objects import File

logger = logging.getLogger(__name__)

# The call has just spoken with this server, so its address is right, and hours of trouble pass; but
# nothing is in flight for a shard that is not up, so after a day somebody may have a look. Each try
# may send all of the file, so the tries are further apart than looks at a batch.
LONGEST_TROUBLE_S = 86_400.0
LONGEST_WAIT_S = 300.0

# A server or proxy may cut off what it finds too large without a word; none finds a megabyte so.
MOST_RESETS = 2
ALWAYS_TAKEN_BYTES = 1_000_000


def up_again(shard: Shard, desk: Desk) -> Outcome:
    """Go back to before the upload, for a file that is gone from the server; to be done once for a shard."""
    desk.memory(shard).has_lost_file = True
    logger.warning("shard %d: its file is gone from the server, uploading it again", shard.number)
    return Outcome(replace(shard, state=State.PLANNED, input_file_id=None))


def upload(shard: Shard, desk: Desk) -> Outcome:
    """Send a shard's file.

    A reply that was lost is settled by looking for the file's name, so that 200 MB do not go up
    twice.
    """
    memory = desk.memory(shard)
    try:
        try:
            file = _find(shard, desk) if memory.may_be_up else None
            if file is None and (narrower := _narrower(shard, desk)) is not None:
                return _recut(shard, narrower)
            if file is not None:
                logger.info("shard %d: adopted upload %s", shard.number, file.id)
            else:
                file = _send(shard, desk)
        finally:
            desk.checkpoint.disk.remove(desk.checkpoint.upload_path(shard.number))
    except SourceChangedError as error:
        return Outcome(replace(shard, state=State.DROPPED), is_settled=True, fault=error)
    except (ApiError, TransportError) as error:
        return _failed(shard, desk, error)
    except NotAnApiError as error:
        return Outcome(shard, fault=error)
    memory.failures = 0
    logger.info("shard %d: %d requests uploaded as %s", shard.number, shard.requests, file.id)
    done = replace(
        shard,
        state=State.UPLOADED,
        input_file_id=file.id,
        uploaded_at=desk.clock.now(),
        account=desk.order.account,
    )
    return Outcome(done)


def _failed(shard: Shard, desk: Desk, error: ApiError | TransportError) -> Outcome:
    memory = desk.memory(shard)
    if isinstance(error, ApiError) and (learnt := _learnt(shard, desk, error)) is not None:
        return learnt
    if faults.is_unclear(error):
        memory.may_be_up = True
    if faults.may_pass(error):
        wait_s = desk.backoff(shard, getattr(error, "retry_after_s", None), longest_s=LONGEST_WAIT_S)
        if desk.clock.monotonic() - memory.failing_since < LONGEST_TROUBLE_S:
            logger.warning(
                "shard %d: upload failed (%s), try %d in %.0f s",
                shard.number, error, memory.failures + 1, wait_s,
            )  # fmt: skip
            return Outcome(shard, again_in_s=wait_s, waiting_for=str(error))
    # A refusal is raised as the server said it; what waiting would or might have cleared stops the job.
    is_refusal = not faults.may_pass(error) and not faults.is_pointless(error)
    return Outcome(shard, fault=error if is_refusal else faults.stop(error, where=_where(shard)))


def _learnt(shard: Shard, desk: Desk, error: ApiError) -> Outcome | None:
    """What a refusal teaches, if it is about the size or about one row."""
    lesson = limit_in(error, shard, desk.limits)
    if lesson is not None:
        return _recut(shard, lesson)
    place = refused_line(error, shard)
    if place is None:
        return None
    record_refused(shard, place, error, desk)
    desk.tally.refusals += 1
    logger.warning("shard %d: the server refused its line %d (%s)", shard.number, place + 1, error)
    dropped = replace(shard, state=State.DROPPED, ended_at=desk.clock.now())
    fault = None
    if desk.tally.refusals > MOST_REFUSALS:
        fault = faults.stop(
            error, where=f"The server refused {desk.tally.refusals} rows one after another, the last one"
        )
    return Outcome(dropped, is_settled=True, must_replan=True, fault=fault)


def _narrower(shard: Shard, desk: Desk) -> Limits | None:
    """Limits for the next try, should the size be what breaks uploads off."""
    is_suspect = desk.memory(shard).resets >= MOST_RESETS and shard.bytes > ALWAYS_TAKEN_BYTES
    return halved(shard, desk.limits) if is_suspect else None


def _recut(shard: Shard, lesson: Limits) -> Outcome:
    return Outcome(replace(shard, state=State.DROPPED), is_settled=True, must_replan=True, lesson=lesson)


def _where(shard: Shard) -> str:
    return f"Shard {shard.number} ({shard.requests} requests) could not be uploaded"


def _find(shard: Shard, desk: Desk) -> File | None:
    for file in desk.client.files(search=shard.token):
        if shard.mark in (file.filename or "") and file.bytes in {None, shard.bytes}:
            return file
    return None


def _send(shard: Shard, desk: Desk) -> File:
    path = desk.checkpoint.upload_path(shard.number)
    requests = desk.checkpoint.requests(shard.number, ["custom_id", "request_key", "position"])
    try:
        with desk.building:
            desk.checkpoint.disk.spill(path, lambda file: _write(file, requests, desk))
    except OSError as error:
        raise CheckpointError(
            path,
            f"the request file could not be written ({error.strerror or error}). What was bought before is kept. "
            "Mend the cause and run the same call again.",
        ) from error
    try:
        return desk.client.upload(path, filename=file_name(desk.order.name, shard))
    except TransportError as error:
        # Only here: what breaks off a look for the file says nothing about its size.
        desk.memory(shard).resets += faults.is_unclear(error)
        raise


def _write(file: BinaryIO, requests: pa.Table, desk: Desk) -> None:
    if desk.source is None:
        raise AssertionError("a call that only waits never uploads")
    start = 0
    for lines in desk.source.lines(requests):
        planned = requests.slice(start, len(lines.keys))
        if not lines.keys.equals(planned["request_key"].combine_chunks()):
            raise SourceChangedError(_first_difference(lines.keys, planned))
        file.write(lines.payload)
        start += len(lines.keys)


def _first_difference(keys: pa.Array, planned: pa.Table) -> str:
    wanted = planned["request_key"].to_pylist()
    place = next(place for place, key in enumerate(keys.to_pylist()) if key != wanted[place])
    return str(planned["custom_id"][place].as_py())
