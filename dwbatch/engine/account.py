"""What the account already holds: batches of the recipe that this folder does not know.

A lost folder, another folder or another laptop must not buy again what is
bought. So a call that is about to buy looks once at the account, and adopts
those batches of its recipe that hold a row it wants.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.desk import Desk
from dwbatch.engine.marks import JOB, MARK, shown_keys
from dwbatch.engine.recognise import UnreadableBatchError, requests_of
from dwbatch.engine.times import moment, seen
from dwbatch.errors import ApiError, JobStoppedError, NotAnApiError, TransportError
from dwbatch.wire.objects import Batch

logger = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=30)
_MARK = re.compile(r"(?P<recipe>[0-9a-f]{16})-(?P<token>[0-9a-f]{32})\Z")


@dataclass(frozen=True, slots=True)
class Adopted:
    """A batch of the account as a shard of this folder.

    Parameters
    ----------
    shard : Shard
    requests : pa.Table
        As for any shard; written before the shard is.
    """

    shard: Shard
    requests: pa.Table


def find_adoptable(
    desk: Desk, known: Collection[Shard], is_wanted: Callable[[Collection[str]], bool], *, first: int
) -> list[Adopted]:
    """Batches of the account that hold a wanted request and that no shard here stands for.

    Parameters
    ----------
    desk : Desk
    known : collection of Shard
        The shards of this folder.
    is_wanted : callable
        Whether a request that would be bought otherwise has a key that begins with one of these.
    first : int
        Number for the first one.

    Raises
    ------
    JobStoppedError
        If one cannot be read: buying before that is settled might buy twice.
    """
    # A shard dropped in doubt may turn up as a batch after all; the others look after their own.
    tokens = {shard.token for shard in known if shard.state is not State.DROPPED}
    batch_ids = {shard.batch_id for shard in known}
    found = [
        (batch, token)
        for batch, token in _of_recipe(desk)
        if token not in tokens and batch.id not in batch_ids and is_wanted(shown_keys(batch))
    ]
    for token, count in Counter(token for _, token in found).items():
        if count > 1:
            # All of them are paid for: the rows take the best answers, and none is cancelled.
            logger.warning("%d batches of the account carry the mark %s; all are kept", count, token)
    adopted: list[Adopted] = []
    # Listed newest first, and numbered as they were bought.
    for batch, token in reversed(found):
        taken = _adopt(batch, token, first + len(adopted), desk)
        if taken is not None:
            adopted.append(taken)
    return adopted


def _of_recipe(desk: Desk) -> Iterator[tuple[Batch, str]]:
    oldest = (desk.clock.now() - LOOK_BACK).timestamp()
    for batch in desk.client.batches(search=desk.order.recipe):
        if (batch.created_at or oldest) < oldest:
            return
        mark = _MARK.match(str((batch.metadata or {}).get(MARK) or ""))
        if mark and mark["recipe"] == desk.order.recipe:
            yield batch, mark["token"]


def _adopt(batch: Batch, token: str, number: int, desk: Desk) -> Adopted | None:
    try:
        # The list may show an older state than the batch itself.
        batch = desk.client.batch(batch.id)
        requests = requests_of(batch, desk)
    except (ApiError, TransportError, NotAnApiError, UnreadableBatchError) as error:
        raise _unreadable(batch, str(error)) from error
    if requests is None:
        logger.info("batch %s of %s holds nothing and is over; left alone", batch.id, _date(batch))
        return None
    logger.info("shard %d: adopted batch %s of %s from the account", number, batch.id, _date(batch))
    order, now = desk.order, desk.clock.now()
    shard = Shard(
        number=number,
        token=token,
        job=str((batch.metadata or {}).get(JOB) or ""),
        recipe=order.recipe,
        server=order.server,
        state=State.SUBMITTED,
        requests=len(requests),
        bytes=0,
        endpoint=batch.endpoint or order.endpoint,
        completion_window=batch.completion_window or order.completion_window,
        account=order.account,
        attempt=1,
        input_file_id=batch.input_file_id or None,
        batch_id=batch.id,
        planned_at=moment(batch.created_at),
        submitted_at=moment(batch.created_at) or now,
        expires_at=moment(batch.expires_at),
        adopted_at=now,
    )
    return Adopted(seen(shard, batch), requests)


def _unreadable(batch: Batch, why: str) -> JobStoppedError:
    return JobStoppedError(
        f"The account holds batch {batch.id} of {_date(batch)}, made by the same recipe, and it cannot be read: {why}. "
        "Nothing was sent, since its rows may be paid for. Make the same call again later; or give edition= a new "
        "word to buy anew."
    )


def _date(batch: Batch) -> str:
    created = moment(batch.created_at)
    return created.strftime("%Y-%m-%d %H:%M") if created else "an unknown date"
