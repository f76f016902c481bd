"""Batches of the account taken into a folder that does not know them, by what the server itself keeps of them."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import replace

from dwbatch.checkpoint.lock import locked
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.desk import Desk, Order
from dwbatch.engine.marks import JOB, MARK
from dwbatch.engine.progress import Progress
from dwbatch.engine.recognise import UnreadableBatchError, requests_of
from dwbatch.engine.times import moment, seen
from dwbatch.errors import ApiError, InputError, JobStoppedError
from dwbatch.job.held import NO_LIMITS, Held
from dwbatch.job.looking import client_of
from dwbatch.opening import at_desk
from dwbatch.wire.client import Client
from dwbatch.wire.objects import Batch

# What the server says to an id that is none of its own.
UNKNOWN = frozenset({400, 404})
FOREIGN = "foreign"
_MARK = re.compile(r"(?P<recipe>[0-9a-f]{16})-(?P<token>[0-9a-f]{32})\Z")


def find_batches(held: Held, name: str) -> list[Batch]:
    """Batches of the account that an id names: the one, or all of a job, oldest first.

    Raises
    ------
    InputError
        If there is none.
    """
    with client_of(held) as client:
        one = _one(client, name)
        found = [one] if one is not None else _of_job(client, name)
    if not found:
        raise InputError.nothing_sent(
            f"Neither a folder nor a batch or job of this account is called {name!r}. dwbatch.jobs() lists those there are."
        )
    return found


def adopt(held: Held, batches: Sequence[Batch], *, edition: str) -> Held:
    """Take batches into a folder as its own, and hold just those.

    Parameters
    ----------
    held : Held
        Whose checkpoint is open.
    batches : sequence of Batch
    edition : str
        Of the call that bought them, which enters the keys of requests with custom_ids of the user's own.

    Raises
    ------
    JobStoppedError
        If what a batch asks for cannot be read.
    """
    with locked(held.checkpoint.path, timeout_s=0.0):
        known = {shard.batch_id: shard.number for shard in held.checkpoint.shards()}
        order = replace(held.order(), endpoint=batches[0].endpoint or "", edition=edition)
        progress = Progress(is_shown=False)
        with at_desk(
            held.checkpoint,
            held.connection,
            held.means,
            order=order,
            progress=progress,
            source=None,
            limits=NO_LIMITS,
        ) as desk:
            for batch in batches:
                if batch.id not in known:
                    known[batch.id] = _take(batch, desk)
    return held.only(frozenset(known[batch.id] for batch in batches))


def _one(client: Client, name: str) -> Batch | None:
    try:
        return client.batch(name)
    except ApiError as error:
        if error.status not in UNKNOWN:
            raise
        return None


def _of_job(client: Client, name: str) -> list[Batch]:
    found = [batch for batch in client.batches(search=name) if str((batch.metadata or {}).get(JOB)) == name]
    # A list does not show what a look at the batch itself does.
    return [client.batch(batch.id) for batch in reversed(found)]


def _take(batch: Batch, desk: Desk) -> int:
    try:
        requests = requests_of(batch, desk)
    except UnreadableBatchError as error:
        raise JobStoppedError(
            f"Batch {batch.id} cannot be attached: {error}. Nothing was changed."
        ) from error
    if requests is None:
        raise JobStoppedError(
            f"Batch {batch.id} holds no request, and its files are gone. Nothing was changed."
        )
    shards = desk.checkpoint.shards()
    number = desk.checkpoint.next_number(shards)
    desk.checkpoint.write_requests(number, requests)
    desk.checkpoint.write_shards(
        [*shards, seen(_shard(batch, number, len(requests), desk.order, desk), batch)]
    )
    return number


def _shard(batch: Batch, number: int, requests: int, order: Order, desk: Desk) -> Shard:
    marked = _MARK.match(str((batch.metadata or {}).get(MARK) or ""))
    created = moment(batch.created_at)
    return Shard(
        number=number,
        token=marked["token"] if marked else uuid.uuid4().hex,
        job=str((batch.metadata or {}).get(JOB) or ""),
        recipe=marked["recipe"] if marked else FOREIGN,
        server=order.server,
        state=State.SUBMITTED,
        requests=requests,
        bytes=0,
        endpoint=batch.endpoint or "",
        completion_window=batch.completion_window or "",
        account=order.account,
        attempt=1,
        input_file_id=batch.input_file_id or None,
        batch_id=batch.id,
        planned_at=created,
        submitted_at=created or desk.clock.now(),
        expires_at=moment(batch.expires_at),
    )
