"""The part of a call that spends money: plan, carry to its goal, merge."""

import logging
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from dwbatch.call import Call, custom_ids_of, line_sizes, naming_of
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard
from dwbatch.engine.budget import Budget
from dwbatch.engine.desk import Desk
from dwbatch.engine.gather import Gathered, gather
from dwbatch.engine.goal import Goal
from dwbatch.engine.plan import Planned, make_plan
from dwbatch.engine.progress import Progress
from dwbatch.engine.runner import Ending, Runner
from dwbatch.engine.sampling import Sampled
from dwbatch.engine.watching import Watcher
from dwbatch.errors import JobTimeoutError
from dwbatch.hint import with_hint
from dwbatch.opening import Means, opened, place_of
from dwbatch.outcome import Summary, answer_columns, columns_read, refuse_failures, summarise, without

__all__ = ["Means", "Sent", "carry_out", "carry_to", "submit_only"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """How a call left its checkpoint.

    Parameters
    ----------
    plan : Planned
        The first one; later ones only repeat what a server refused.
    shards : collection of Shard
        Every shard, as it stands.
    """

    plan: Planned
    shards: Collection[Shard]


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
    with carried_out(call, means or Means()) as carried:
        desk, sent = carried.desk, carried.sent
        gathered = _gathered(call, desk, sent.shards)
    rows = without(call.rows, desk.tally.too_large)
    columns = answer_columns(naming_of(call.options, call.asking), rows, gathered)
    summary = summarise(
        columns,
        call.options.output,
        gathered,
        duplicates=call.duplicates,
        answered=sent.plan.answered,
        sent=desk.tally.sent,
        resent=len(desk.tally.resent),
        adopted=sent.plan.adopted,
        checkpoint=None if call.options.checkpoint is False else desk.checkpoint.path,
        models=1 if call.lineup is None else len(call.lineup.names),
    )
    carried.progress.say(summary.sentence())
    logger.info("%s", summary.sentence())
    out = with_hint(
        call.merged(columns),
        call.options.output,
        checkpoint=summary.checkpoint,
        recipe=call.recipe_hash,
        statuses=columns[f"{call.options.output}_status"],
    )
    if call.options.errors == "raise":
        refuse_failures(out, summary.codes)
    return out, summary


@dataclass(frozen=True, slots=True)
class Carried:
    """A call whose batches have ended, its checkpoint still held.

    Parameters
    ----------
    desk : Desk
    sent : Sent
    progress : Progress
        To tell of it.
    """

    desk: Desk
    sent: Sent
    progress: Progress


@contextmanager
def carried_out(call: Call, means: Means) -> Iterator[Carried]:
    """Send what is not answered yet, wait, and let the caller read the answers under the lock.

    Raises
    ------
    CheckpointError, ApiError, TransportError, JobStoppedError, JobTimeoutError
        As `carry_out`.
    """
    started = means.clock.monotonic()
    timeout_s = call.options.timeout_s
    deadline = None if timeout_s is None else started + timeout_s
    progress = Progress(is_shown=call.options.progress)
    with place_of(call, means) as path:
        checkpoint = Checkpoint(path, means.disk)
        try:
            with opened(call, checkpoint, means, progress, lock_timeout_s=timeout_s) as desk:
                yield Carried(desk, carry_to(Goal.OVER, call, desk, progress, deadline=deadline), progress)
        finally:
            progress.close()


def submit_only(call: Call, means: Means | None = None) -> Path:
    """Buy what is not answered yet, and do not wait; the checkpoint that knows it.

    Raises
    ------
    CheckpointLockedError
        If another call holds the checkpoint; nothing was sent.
    CheckpointError, ApiError, TransportError, JobStoppedError
        As `carry_out`.
    """
    means = means or Means()
    progress = Progress(is_shown=call.options.progress)
    with place_of(call, means) as path:
        try:
            checkpoint = Checkpoint(path, means.disk)
            with opened(call, checkpoint, means, progress, lock_timeout_s=0.0) as desk:
                carry_to(Goal.BOUGHT, call, desk, progress)
        finally:
            progress.close()
    return path


def carry_to(
    goal: Goal, call: Call, desk: Desk, progress: Progress, *, deadline: float | None = None
) -> Sent:
    """Plan what a call has to send and carry it to a goal, planning anew where a server wants it cut otherwise.

    Parameters
    ----------
    goal : Goal
    call : Call
    desk : Desk
        From `dwbatch.opening.opened`.
    progress : Progress
    deadline : float, optional
        On the monotonic clock.
    """
    first: Planned | None = None
    desk.budget = _budget(call)
    while True:
        plan = make_plan(
            call.asked, desk, sizes=partial(line_sizes, call), custom_ids=partial(custom_ids_of, call)
        )
        first = first or plan
        _tell(plan, desk)
        runner = Runner(desk, plan.shards, plan.active, _watcher(goal, plan, desk, progress))
        ending = runner.carry(
            deadline=deadline, goal=goal, on_interrupt=partial(_interrupted, runner, desk, progress)
        )
        if ending is Ending.TIMEOUT:
            raise JobTimeoutError(
                f"timeout={call.options.timeout!r} is over. {_runs_on(runner, desk)}", desk.checkpoint.path
            )
        if ending is Ending.OVER:
            if goal is Goal.OVER:
                desk.checkpoint.clear_stop()
            if desk.budget is not None and desk.budget.refusal is not None:
                raise desk.budget.refusal
            return Sent(first, runner.shards.values())


def _budget(call: Call) -> Budget | None:
    """What a call may spend. What fits into memory is priced whole, before any of it is bought."""
    limit = call.options.cost_limit
    if limit is None:
        return None
    is_whole = call.options.max_active_batches is None and not call.is_streamed
    return Budget(limit, call.options.completion_window, is_whole=is_whole)


def _watcher(goal: Goal, plan: Planned, desk: Desk, progress: Progress) -> Watcher:
    """Whoever waits notes how far it is; a call that only buys leaves that to the one that waits."""
    if goal is not Goal.OVER:
        return progress
    others = [shard for shard in plan.shards if shard.number not in plan.active]
    return Sampled(progress, desk.checkpoint, desk.clock, others=others)


def _gathered(call: Call, desk: Desk, shards: Collection[Shard]) -> Gathered:
    names = columns_read(naming_of(call.options, call.asking))
    return gather(
        desk.checkpoint,
        shards,
        call.rows.keys,
        server=call.connection.server,
        columns=names,
        judge=desk.order.judge,
    )


def _tell(plan: Planned, desk: Desk) -> None:
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


def _interrupted(runner: Runner, desk: Desk, progress: Progress) -> None:
    progress.close()
    print(f"\nInterrupted. {_runs_on(runner, desk)}", file=sys.stderr, flush=True)  # noqa: T201 - the last word to the person who pressed the key


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
