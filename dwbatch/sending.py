"""The part of a call that spends money: lock, plan, carry to the end, merge."""

import logging
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from os import environ
from pathlib import Path

import pandas as pd

from dwbatch.call import Call, judge_of, line_sizes, naming_of
from dwbatch.checkpoint.disk import Disk
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.lock import locked
from dwbatch.checkpoint.place import default_place
from dwbatch.checkpoint.shard import Shard
from dwbatch.engine.clock import Clock, Pace
from dwbatch.engine.desk import Desk, Limits, Order, Tally
from dwbatch.engine.gather import Gathered, gather
from dwbatch.engine.halt import obey
from dwbatch.engine.owner import settle_owner
from dwbatch.engine.plan import Plan, make_plan
from dwbatch.engine.progress import Progress
from dwbatch.engine.runner import Ending, Runner
from dwbatch.engine.source import FrameSource
from dwbatch.engine.states import IN_FLIGHT
from dwbatch.errors import JobTimeoutError
from dwbatch.frames import with_answers
from dwbatch.outcome import DETAIL_COLUMNS, RESULT_COLUMNS, Summary, answer_columns, summarise, without

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What a call works with, so that a test can give it another clock or a failing disk."""

    clock: Clock = field(default_factory=Clock)
    pace: Pace = field(default_factory=Pace)
    disk: Disk = field(default_factory=Disk)
    workers: int = 4


def carry_out(call: Call, means: Means | None = None) -> tuple[pd.DataFrame, Summary]:
    """Send what is not answered yet, wait, and merge.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be used; nothing was sent.
    ApiError, TransportError, JobStoppedError
        If the server will not have it; what was bought is kept.
    JobTimeoutError
        If the time given is over; the batches run on.
    """
    means = means or Means()
    started = means.clock.monotonic()
    progress = Progress(is_shown=call.options.progress)
    with _place(call, means) as path:
        checkpoint = Checkpoint(path, means.disk)
        checkpoint.open()
        try:
            with locked(path, timeout_s=call.options.timeout_s, on_wait=progress.say):
                plan, desk, gathered = _under_lock(call, means, checkpoint, progress, started)
        finally:
            progress.close()
        rows = without(call.rows, desk.tally.too_large)
        columns = answer_columns(naming_of(call.options, call.asking), rows, gathered)
        summary = summarise(
            columns,
            call.options.output,
            gathered,
            duplicates=call.duplicates,
            answered=plan.answered,
            sent=desk.tally.sent,
            resent=len(desk.tally.resent),
            adopted=plan.adopted,
            checkpoint=None if call.options.checkpoint is False else path,
        )
    progress.say(summary.sentence())
    logger.info("%s", summary.sentence())
    return with_answers(call.frame, columns), summary


@contextmanager
def _place(call: Call, means: Means) -> Iterator[Path]:
    options = call.options
    if options.checkpoint is not None and options.checkpoint is not False:
        yield Path(options.checkpoint).expanduser().absolute()
    elif options.checkpoint is None:
        yield default_place(
            name=options.name, recipe_hash=call.recipe_hash, environ=environ, cwd=Path.cwd(), disk=means.disk
        )
    else:
        path = Path(tempfile.mkdtemp(prefix="dwbatch-job-"))
        try:
            yield path
        except BaseException as error:
            error.add_note(
                f"What this call has bought and fetched is kept in {str(path)!r}: give it as checkpoint=."
            )
            raise
        if any(shard.state in IN_FLIGHT for shard in Checkpoint(path).shards()):
            # A later call would fetch what is still to come, so nobody may lose the way to it.
            logger.warning("the server still owes lines that are paid for: give %s as checkpoint=", path)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _under_lock(
    call: Call, means: Means, checkpoint: Checkpoint, progress: Progress, started: float
) -> tuple[Plan, Desk, Gathered]:
    # Read before anything is written: a folder that cannot be used stays as it is.
    checkpoint.shards()
    checkpoint.sweep()
    checkpoint.write_recipe(call.recipe_hash, call.asking.written)
    stopping = threading.Event()
    with call.connection.client(
        pause=lambda seconds: means.clock.pause(seconds, stopping), stopping=stopping
    ) as client:
        desk = Desk(
            checkpoint=checkpoint,
            client=client,
            source=FrameSource(call.columns, call.asking.recipe, call.rows),
            order=_order(call),
            limits=Limits(call.options.max_requests_per_batch, call.options.max_bytes_per_batch),
            clock=means.clock,
            pace=replace(means.pace, poll_s=call.options.poll_interval_s or means.pace.poll_s),
            stopping=stopping,
            tally=Tally(),
            say=progress.say,
            workers=means.workers,
        )
        deadline = None if call.options.timeout_s is None else started + call.options.timeout_s
        plan, shards = _to_the_end(call, desk, progress, deadline)
    names = RESULT_COLUMNS + (DETAIL_COLUMNS if call.options.details else ())
    server = call.connection.server
    return (
        plan,
        desk,
        gather(checkpoint, shards, call.rows.keys, server=server, columns=names, judge=desk.order.judge),
    )


def _to_the_end(
    call: Call, desk: Desk, progress: Progress, deadline: float | None
) -> tuple[Plan, Collection[Shard]]:
    """Plan and carry until nothing is owed; the first plan, and the shards at the end."""
    settle_owner(desk.checkpoint.shards(), desk)
    if desk.checkpoint.is_stopped():
        obey(desk.checkpoint, desk.client, desk.clock, server=desk.order.server)
    first: Plan | None = None
    while True:
        plan = make_plan(call.asked, desk, partial(line_sizes, call))
        first = first or plan
        _tell(plan, desk)
        runner = Runner(desk, plan.shards, plan.active, progress)
        try:
            ending = runner.carry(deadline=deadline)
        except KeyboardInterrupt:
            progress.close()
            print(f"\nInterrupted. {_runs_on(runner, desk)}", file=sys.stderr)  # noqa: T201 - the last word to the person who pressed the key
            raise
        if ending is Ending.TIMEOUT:
            raise JobTimeoutError(f"timeout={call.options.timeout!r} is over. {_runs_on(runner, desk)}")
        if ending is Ending.OVER:
            desk.checkpoint.clear_stop()
            return first, runner.shards.values()


def _tell(plan: Plan, desk: Desk) -> None:
    logger.info(
        "job %s: %d requests new, %d again, %d answered, %d in flight",
        desk.order.job, plan.new, plan.again, plan.answered, plan.in_flight,
    )  # fmt: skip
    for shard in plan.adopted:
        bought = f"{shard.submitted_at:%Y-%m-%d %H:%M} UTC" if shard.submitted_at else "an unknown date"
        desk.say(
            f"Adopted batch {shard.batch_id} of {bought} from the account: {shard.requests:,} requests that are "
            "not bought again (edition= would buy anew)."
        )


def _order(call: Call) -> Order:
    return Order(
        job=uuid.uuid4().hex[:16],
        name=call.options.name,
        server=call.connection.server,
        recipe=call.recipe_hash,
        endpoint=call.asking.recipe.endpoint,
        completion_window=call.options.completion_window,
        edition=call.options.edition,
        account=call.connection.account,
        metadata=dict(call.options.metadata or {}),
        kinds=call.options.retry_kinds,
        judge=judge_of(call.asking),
    )


def _runs_on(runner: Runner, desk: Desk) -> str:
    in_flight, unsent = runner.in_flight(), runner.unsent()
    running = f"{len(in_flight)} batch{'es run' if len(in_flight) != 1 else ' runs'} on at the server"
    waiting = (
        f"; shards not yet submitted: {', '.join(str(shard.number) for shard in unsent)}" if unsent else ""
    )
    return (
        f"{running}{waiting}. The same call goes on from here and buys nothing twice; "
        f"dwbatch.attach({str(desk.checkpoint.path)!r}).cancel() stops the spending."
    )
