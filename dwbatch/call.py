"""One call from its arguments to its frame: ask, plan, carry, merge."""

import logging
import shutil
import sys
import tempfile
import threading
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import environ
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.asking import Asking, ask
from dwbatch.checkpoint.disk import Disk
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.lock import locked
from dwbatch.checkpoint.place import default_place
from dwbatch.connect import Connection, find_server
from dwbatch.engine.clock import Clock, Pace
from dwbatch.engine.desk import Desk, Order
from dwbatch.engine.gather import Gathered, gather
from dwbatch.engine.plan import Limits, Plan, Wanted, make_plan, wanted
from dwbatch.engine.progress import Progress
from dwbatch.engine.runner import Runner
from dwbatch.engine.source import FrameSource
from dwbatch.errors import InputError, JobTimeoutError
from dwbatch.frames import column_names, read_columns, refuse_collisions, with_answers
from dwbatch.options import Options
from dwbatch.outcome import DETAIL_COLUMNS, RESULT_COLUMNS, Summary, answer_columns, answer_names, summarise
from dwbatch.prompts.custom_ids import render_custom_ids
from dwbatch.prompts.identity import default_custom_ids
from dwbatch.prompts.requests import Rows, line_overhead, read_rows
from dwbatch.prompts.values import Values

logger = logging.getLogger(__name__)

FIRST_ROWS = 5


class EqualRowsWarning(UserWarning):
    """More than half of the rows make the same request as another row."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a call works with, so that a test can give it another clock or a failing disk."""

    clock: Clock = field(default_factory=Clock)
    pace: Pace = field(default_factory=Pace)
    disk: Disk = field(default_factory=Disk)
    workers: int = 4


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose every argument is checked; nothing has been sent.

    Parameters
    ----------
    frame : pd.DataFrame
    options : Options
    asking : Asking
    connection : Connection
    columns : mapping of str to Values
        What the templates name.
    rows : Rows
    asked : Wanted
        The distinct requests.
    """

    frame: pd.DataFrame
    options: Options
    asking: Asking
    connection: Connection
    columns: dict[str, Values]
    rows: Rows
    asked: Wanted

    @property
    def recipe_hash(self) -> str:
        """Hash of the recipe at this server."""
        return self.asking.hash(self.connection.server)

    @property
    def duplicates(self) -> int:
        """Rows that another row's request answers."""
        asking: int = len(self.rows) - self.rows.keys.null_count
        return asking - len(self.asked)


def prepare(frame: pd.DataFrame, prompt: object, options: Options) -> Call:
    """Check everything and render every row once.

    Raises
    ------
    InputError, CredentialsError
        If anything is wrong. Nothing was sent.
    """
    refuse_collisions(
        frame, answer_names(options.output, details=options.details), overwrite=options.overwrite
    )
    asking = ask(prompt, options, column_names(frame))
    connection = find_server(options.base_url, options.api_key, options.session)
    columns = read_columns(frame, asking.columns)
    rows = read_rows(
        columns,
        asking.recipe,
        n_rows=len(frame),
        dedupe=options.dedupe is not False,
        max_bytes=options.max_bytes_per_batch - line_overhead(asking.recipe.endpoint) - 64,
    )
    call = Call(frame, options, asking, connection, columns, rows, wanted(rows))
    _refuse_nulls(call)
    if asking.custom_id is not None:
        render_custom_ids(asking.custom_id, columns, call.asked.positions)
    _warn_of_equal_rows(call)
    return call


def _refuse_nulls(call: Call) -> None:
    nulls = np.flatnonzero(
        np.asarray(pc.fill_null(pc.equal(call.rows.skipped, "null_input"), fill_value=False))
    )
    if call.options.on_null == "raise" and len(nulls):
        labels = ", ".join(repr(label) for label in call.frame.index[nulls[:FIRST_ROWS]])
        more = f" and {len(nulls) - FIRST_ROWS} more" if len(nulls) > FIRST_ROWS else ""
        raise InputError.nothing_sent(
            f"The prompt names a column that is null in the rows {labels}{more}. Fill or drop them, or say "
            "on_null='skip' (no request) or on_null='render' (empty text)."
        )


def _warn_of_equal_rows(call: Call) -> None:
    options = call.options
    is_said = options.dedupe is not None or options.temperature == 0 or options.seed is not None
    if not is_said and call.duplicates * 2 > len(call.rows):
        warnings.warn(
            f"{call.duplicates:,} of {len(call.rows):,} rows make the same request as another row; each distinct "
            "request is sent once and its answer stands on every such row. Say dedupe=True if that is meant, or "
            "dedupe=False for a sample of its own on every row.",
            EqualRowsWarning,
            stacklevel=_outside(),
        )


def _outside() -> int:
    """How many frames up the caller's own code is."""
    package, depth, at = __name__.partition(".")[0], 1, sys._getframe(1)  # noqa: SLF001 - there is no public way in 3.11
    while at.f_back is not None and str(at.f_globals.get("__name__", "")).partition(".")[0] == package:
        at, depth = at.f_back, depth + 1
    return depth


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
                plan, gathered = _under_lock(call, means, checkpoint, progress, started)
        finally:
            progress.close()
        columns = answer_columns(call.options.output, call.rows, gathered, details=call.options.details)
        summary = summarise(
            columns,
            call.options.output,
            gathered,
            duplicates=call.duplicates,
            answered=plan.answered,
            sent=plan.new,
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
        path = Path(tempfile.mkdtemp(prefix="dwbatch-"))
        try:
            yield path
        except BaseException as error:
            error.add_note(
                f"What this call has bought and fetched is kept in {str(path)!r}: give it as checkpoint=."
            )
            raise
        shutil.rmtree(path, ignore_errors=True)


def _under_lock(
    call: Call, means: Means, checkpoint: Checkpoint, progress: Progress, started: float
) -> tuple[Plan, Gathered]:
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
            clock=means.clock,
            pace=replace(means.pace, poll_s=call.options.poll_interval_s or means.pace.poll_s),
            stopping=stopping,
            workers=means.workers,
        )
        limits = Limits(call.options.max_requests_per_batch, call.options.max_bytes_per_batch)
        plan = make_plan(call.asked, desk, limits, lambda to_send: _sizes(call, to_send))
        logger.info(
            "job %s: %d requests new, %d answered, %d in flight",
            desk.order.job,
            plan.new,
            plan.answered,
            plan.in_flight,
        )
        runner = Runner(desk, plan.shards, plan.active, progress)
        deadline = None if call.options.timeout_s is None else started + call.options.timeout_s
        try:
            is_over = runner.carry(deadline=deadline)
        except KeyboardInterrupt:
            progress.close()
            print(f"\nInterrupted. {_runs_on(runner, checkpoint.path)}", file=sys.stderr)  # noqa: T201 - the last word to the person who pressed the key
            raise
        if not is_over:
            raise JobTimeoutError(
                f"timeout={call.options.timeout!r} is over. {_runs_on(runner, checkpoint.path)}"
            )
    shards = tuple(runner.shards.values())
    names = RESULT_COLUMNS + (DETAIL_COLUMNS if call.options.details else ())
    return plan, gather(checkpoint, shards, call.rows.keys, server=call.connection.server, columns=names)


def _order(call: Call) -> Order:
    return Order(
        job=uuid.uuid4().hex[:16],
        name=call.options.name,
        server=call.connection.server,
        recipe=call.recipe_hash,
        endpoint=call.asking.recipe.endpoint,
        completion_window=call.options.completion_window,
        account=call.connection.account,
        metadata=dict(call.options.metadata or {}),
    )


def _sizes(call: Call, to_send: Wanted) -> tuple[pa.Array, np.ndarray]:
    if call.asking.custom_id is None:
        custom_ids = default_custom_ids(call.options.name, to_send.positions, to_send.keys)
    else:
        custom_ids = render_custom_ids(call.asking.custom_id, call.columns, to_send.positions)
    # A quote or backslash in a custom_id takes one byte more in JSON.
    escaped = pc.add(pc.count_substring(custom_ids, '"'), pc.count_substring(custom_ids, "\\"))
    lengths = np.asarray(pc.binary_length(custom_ids), dtype=np.int64) + np.asarray(escaped, dtype=np.int64)
    overhead = line_overhead(call.asking.recipe.endpoint)
    return custom_ids, call.rows.body_sizes[to_send.positions] + lengths + overhead


def _runs_on(runner: Runner, path: Path) -> str:
    in_flight, unsent = runner.in_flight(), runner.unsent()
    running = f"{len(in_flight)} batch{'es run' if len(in_flight) != 1 else ' runs'} on at the server"
    waiting = (
        f"; shards not yet submitted: {', '.join(str(shard.number) for shard in unsent)}" if unsent else ""
    )
    return (
        f"{running}{waiting}. The same call goes on from here and buys nothing twice; "
        f"dwbatch.attach({str(path)!r}).cancel() stops the spending."
    )
