"""A look at the batches of a job, by a reader that holds no lock and writes nothing."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dwbatch.checkpoint.shard import Shard
from dwbatch.engine import faults
from dwbatch.engine.times import seen
from dwbatch.errors import ApiError
from dwbatch.job.held import Held, is_running
from dwbatch.wire.client import Client
from dwbatch.wire.objects import Batch

# More than this, and one list is cheaper than a look at each.
FEW = 3


@contextmanager
def client_of(held: Held) -> Iterator[Client]:
    """A client of the job's server, for as long as the ``with`` statement lasts."""
    stopping = threading.Event()
    with held.connection.client(
        pause=lambda seconds: held.clock.pause(seconds, stopping), stopping=stopping
    ) as client:
        yield client


def look(held: Held, client: Client) -> list[Shard]:
    """The job's shards, those that run as the server shows them now.

    A batch that the server does not know stays as it was recorded: whether it is gone for good is
    settled by waiting for it.

    Raises
    ------
    ApiError, NotAnApiError, TransportError
        If the server cannot be asked.
    """
    shards = held.shards()
    running = [shard for shard in shards if is_running(shard)]
    shown = _listed(running, client) if len(running) > FEW else {}
    found = {shard.number: shown.get(shard.batch_id or "") or _batch(shard, client) for shard in running}
    return [_seen(shard, found.get(shard.number)) for shard in shards]


def _seen(shard: Shard, batch: Batch | None) -> Shard:
    return shard if batch is None else seen(shard, batch)


def _listed(running: Sequence[Shard], client: Client) -> dict[str, Batch]:
    """Batches of the newest recipe, in as few calls as it takes."""
    wanted = {shard.batch_id for shard in running}
    oldest = min((shard.submitted_at.timestamp() for shard in running if shard.submitted_at), default=0.0)
    found: dict[str, Batch] = {}
    for batch in client.batches(search=running[-1].recipe or None):
        if batch.id in wanted:
            found[batch.id] = batch
        # Where search is ignored the whole account comes, newest first.
        if len(found) == len(wanted) or (batch.created_at or oldest) < oldest - 86_400:
            break
    return found


def _batch(shard: Shard, client: Client) -> Batch | None:
    try:
        return client.batch(shard.batch_id or "")
    except ApiError as error:
        if not faults.is_absent(error):
            raise
        return None
