"""A checkpoint opened for a call: its place, its lock, and the desk at which the call works."""

import logging
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from os import environ
from pathlib import Path

from dwbatch.call import Call, judge_of
from dwbatch.checkpoint.disk import Disk
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.lock import locked
from dwbatch.checkpoint.place import default_place, given_place, make_parent, store_uri
from dwbatch.connect import Connection
from dwbatch.engine.clock import Clock, Pace
from dwbatch.engine.desk import Desk, Limits, Order, Porter, Tally
from dwbatch.engine.halt import obey
from dwbatch.engine.owner import settle_owner
from dwbatch.engine.progress import Progress
from dwbatch.engine.source import Source
from dwbatch.engine.states import IN_FLIGHT

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What a call works with, so that a test can give it another clock or a failing disk."""

    clock: Clock = field(default_factory=Clock)
    pace: Pace = field(default_factory=Pace)
    disk: Disk = field(default_factory=Disk)
    workers: int = 4
    porter: Porter | None = None


def named_place(call: Call) -> Path | None:
    """The folder that a call names, by itself or by its recipe; None for a temporary one."""
    options = call.options
    if options.checkpoint is None:
        return default_place(name=options.name, recipe_hash=call.recipe_hash, environ=environ, cwd=Path.cwd())
    if options.checkpoint is False:
        return None
    return given_place(options.checkpoint, environ=environ, cwd=Path.cwd())


@contextmanager
def place_of(call: Call, means: Means) -> Iterator[Path]:
    """The folder of a call; a temporary one goes away at the end, once nothing is owed."""
    place = named_place(call)
    if place is not None:
        if call.options.checkpoint is None or store_uri(call.options.checkpoint):
            make_parent(place, means.disk)
        yield place
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


@contextmanager
def opened(
    call: Call, checkpoint: Checkpoint, means: Means, progress: Progress, *, lock_timeout_s: float | None
) -> Iterator[Desk]:
    """Hold the checkpoint of a call; nothing is planned or sent by that alone.

    Parameters
    ----------
    call : Call
    checkpoint : Checkpoint
    means : Means
    progress : Progress
        Told for whom the call waits.
    lock_timeout_s : float or None
        Longest wait for another holder; None waits as long as it takes.

    Raises
    ------
    CheckpointError
        If the folder cannot be used, or another call holds it; nothing was sent.
    JobStoppedError
        If its batches belong to another account.
    """
    checkpoint.open()
    with locked(checkpoint.path, timeout_s=lock_timeout_s, on_wait=progress.say):
        # Read before anything is written: a folder that cannot be used stays as it is.
        checkpoint.shards()
        checkpoint.open_store(store_uri(call.options.checkpoint))
        checkpoint.sweep()
        checkpoint.write_recipe(call.recipe_hash, call.asking.written)
        pace = replace(means.pace, poll_s=call.options.poll_interval_s or means.pace.poll_s)
        with at_desk(
            checkpoint,
            call.connection,
            replace(means, pace=pace),
            order=order_of(call),
            progress=progress,
            source=call.source,
            limits=Limits(call.options.max_requests_per_batch, call.options.max_bytes_per_batch),
        ) as desk:
            desk.most_active = call.options.max_active_batches
            yield desk


@contextmanager
def at_desk(
    checkpoint: Checkpoint,
    connection: Connection,
    means: Means,
    *,
    order: Order,
    progress: Progress,
    source: Source | None,
    limits: Limits,
) -> Iterator[Desk]:
    """A desk for the holder of the lock, once the batches are known to be its own account's.

    A cancel that nobody was there to obey is obeyed first.
    """
    stopping = threading.Event()
    with connection.client(
        pause=lambda seconds: means.clock.pause(seconds, stopping), stopping=stopping
    ) as client:
        desk = Desk(
            checkpoint=checkpoint,
            client=client,
            source=source,
            order=order,
            limits=limits,
            clock=means.clock,
            pace=means.pace,
            stopping=stopping,
            tally=Tally(),
            say=progress.say,
            workers=means.workers,
            porter=means.porter,
        )
        settle_owner(checkpoint.shards(), desk)
        if checkpoint.is_stopped():
            obey(checkpoint, client, means.clock, server=order.server)
        yield desk


def order_of(call: Call) -> Order:
    """With what a call sends, under a job id of its own."""
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
        groups=call.groups,
    )
