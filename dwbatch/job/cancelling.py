"""A cancel: the word left for whoever is buying, the batches stopped, the late finishers waited for."""

import threading
from collections.abc import Sequence
from contextlib import suppress

import pandas as pd

from dwbatch.checkpoint.lock import locked
from dwbatch.checkpoint.shard import Shard
from dwbatch.engine import faults
from dwbatch.engine.halt import OVER_OR_CANCELLING, cancel_running, obey
from dwbatch.errors import ApiError, CheckpointLockedError, DwbatchError, NotAnApiError, TransportError
from dwbatch.job.held import Held, is_running
from dwbatch.wire.client import Client
from dwbatch.wire.objects import Batch, RequestCounts

COLUMNS = ("batch_id", "status", "completed", "failed", "total")
# Requests in the air end within seconds; a minute of standing counts is more than enough.
BETWEEN_LOOKS_S = 2.0

Counted = tuple[str, str, int, int, int]


def cancel(held: Held, *, timeout_s: float) -> pd.DataFrame:
    """Stop the spending of a job, and count what was answered; see `Job.cancel`."""
    held.checkpoint.ask_to_stop()
    stopping, clock = threading.Event(), held.clock
    with held.connection.client(pause=lambda s: clock.pause(s, stopping), stopping=stopping) as client:
        running = [shard for shard in held.shards() if is_running(shard)]
        looked, faults = list[Counted](), list[DwbatchError]()
        for shard in running:
            try:
                looked.append(_cancel(shard, held, client))
            except (ApiError, TransportError, NotAnApiError) as error:
                # The others are stopped first: each minute of theirs costs.
                faults.append(error)
        # Whoever holds the lock obeys by itself; where nobody does, the
        # word is obeyed here, so that it does not wait for the next call.
        with suppress(CheckpointLockedError), locked(held.checkpoint.path, timeout_s=0):
            obey(held.checkpoint, client, clock, server=held.connection.server)
        if faults:
            raise faults[0]
        looked = _until_still(looked, held, client, timeout_s)
    return pd.DataFrame(looked, columns=pd.Index(COLUMNS))


def sentence(cancelled: pd.DataFrame) -> str:
    """What a cancel has kept, for a person."""
    if cancelled.empty:
        return "No batch was running. Nothing more is bought."
    answered = int(cancelled["completed"].sum() + cancelled["failed"].sum())
    batches = f"{len(cancelled)} batch{'' if len(cancelled) == 1 else 'es'}"
    return (
        f"Stopped {batches}: {answered:,} of {int(cancelled['total'].sum()):,} requests had ended; they are billed and kept, "
        "and the same call fetches them. Nothing more is bought."
    )


def _cancel(shard: Shard, held: Held, client: Client) -> Counted:
    try:
        batch = cancel_running(shard, client)
    except ApiError as error:
        # To another account's key everything looks deleted, and runs on.
        if not faults.is_absent(error) or shard.account != held.connection.account:
            raise
        return shard.batch_id or "", "gone", shard.completed, shard.failed, shard.requests
    return _counted(batch, shard.requests)


def _counted(batch: Batch, total: int) -> Counted:
    counts = batch.request_counts or RequestCounts()
    return batch.id, batch.status, counts.completed or 0, counts.failed or 0, total


def _until_still(looked: Sequence[Counted], held: Held, client: Client, timeout_s: float) -> list[Counted]:
    """Look until the counts of stopped batches stand still, or the time is over."""
    deadline = held.clock.monotonic() + timeout_s
    known = {counted[0]: counted for counted in looked}
    stopping = threading.Event()
    moving = {name for name, counted in known.items() if counted[1] in {"cancelled", "cancelling"}}
    while moving and held.clock.monotonic() + BETWEEN_LOOKS_S <= deadline:
        held.clock.pause(BETWEEN_LOOKS_S, stopping)
        try:
            now = {name: _counted(client.batch(name), known[name][4]) for name in sorted(moving)}
        except (ApiError, TransportError, NotAnApiError):
            # They are stopped; that they cannot be counted just now changes nothing.
            break
        moving = {
            name for name in moving if now[name] != known[name] or now[name][1] not in OVER_OR_CANCELLING
        }
        known |= now
    return list(known.values())
