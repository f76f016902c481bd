"""What the account already holds: batches of the recipe that this folder does not know.

A lost folder, another folder or another laptop must not buy again what is
bought. So a call that is about to buy looks once at the account, and adopts
those batches of its recipe that hold a row it wants.
"""

import logging
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta

import msgspec
import pyarrow as pa

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.desk import Desk
from dwbatch.engine.marks import JOB, KEY_CHARACTERS, KEYS, MARK
from dwbatch.engine.times import moment, seen
from dwbatch.errors import ApiError, JobStoppedError, NotAnApiError, TransportError
from dwbatch.prompts.encode import canonical
from dwbatch.prompts.identity import KEY, key_of, request_keys
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


class _Line(msgspec.Struct):
    custom_id: str
    body: msgspec.Raw


def find_adoptable(desk: Desk, known: Collection[Shard], wanted: pa.Array, *, first: int) -> list[Adopted]:
    """Batches of the account that hold a wanted request and that no shard here stands for.

    Parameters
    ----------
    desk : Desk
    known : collection of Shard
        The shards of this folder.
    wanted : pa.FixedSizeBinaryArray
        Keys that would be bought otherwise.
    first : int
        Number for the first one.

    Raises
    ------
    JobStoppedError
        If one cannot be read: buying before that is settled might buy twice.
    """
    prefixes = {key.hex()[:KEY_CHARACTERS] for key in wanted.to_pylist()}
    tokens = {shard.token for shard in known}
    batch_ids = {shard.batch_id for shard in known}
    found: dict[str, Batch] = {}
    for batch, token in _of_recipe(desk):
        shown = str((batch.metadata or {}).get(KEYS) or "").split(",")
        if token in tokens or batch.id in batch_ids or prefixes.isdisjoint(shown):
            continue
        # Listed newest first, so the oldest of several with one token stays.
        found[token] = batch
    adopted = []
    for number, (token, batch) in enumerate(reversed(found.items()), start=first):
        adopted.append(_adopt(batch, token, number, desk))
        logger.info("shard %d: adopted batch %s of %s from the account", number, batch.id, _date(batch))
    return adopted


def _of_recipe(desk: Desk) -> Iterator[tuple[Batch, str]]:
    oldest = (desk.clock.now() - LOOK_BACK).timestamp()
    for batch in desk.client.batches(search=desk.order.recipe):
        if (batch.created_at or oldest) < oldest:
            return
        mark = _MARK.match(str((batch.metadata or {}).get(MARK) or ""))
        if mark and mark["recipe"] == desk.order.recipe:
            yield batch, mark["token"]


def _adopt(batch: Batch, token: str, number: int, desk: Desk) -> Adopted:
    try:
        # The list may show an older state than the batch itself.
        batch = desk.client.batch(batch.id)
        requests = _requests(batch, desk)
    except (ApiError, TransportError, NotAnApiError) as error:
        raise _unreadable(batch, str(error)) from error
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


def _requests(batch: Batch, desk: Desk) -> pa.Table:
    custom_ids: list[str] = []
    keys: list[bytes] = []
    sources = [batch.input_file_id] if batch.input_file_id else [batch.output_file_id, batch.error_file_id]
    for file_id in filter(None, sources):
        for line in _lines(desk, file_id):
            custom_id, key = _identify(line, desk, batch)
            custom_ids.append(custom_id)
            keys.append(key)
    if not custom_ids:
        raise _unreadable(batch, "neither its input file nor its results hold a line")
    held = pa.array(keys, KEY)
    return pa.table(
        {
            "custom_id": pa.array(custom_ids, pa.string()),
            "request_key": held,
            "answers_key": held,
            "position": pa.array(range(len(keys)), pa.int64()),
        }
    )


def _lines(desk: Desk, file_id: str) -> Iterator[bytes]:
    rest = b""
    with desk.client.content(file_id) as content:
        for block in content.blocks():
            *whole, rest = (rest + block).split(b"\n")
            yield from filter(None, whole)
    if rest.strip():
        yield rest


def _identify(line: bytes, desk: Desk, batch: Batch) -> tuple[str, bytes]:
    try:
        custom_id = msgspec.json.decode(line, type=_CustomId).custom_id
        key = key_of(custom_id)
        if key is None:
            # A custom_id of the user's own says nothing; the request itself does.
            body = canonical(msgspec.json.decode(msgspec.json.decode(line, type=_Line).body))
            (key,) = request_keys(
                pa.array([body], pa.large_string()), endpoint=desk.order.endpoint, edition=desk.order.edition
            ).to_pylist()
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _unreadable(batch, f"a line of its input file cannot be read ({error})") from error
    return custom_id, key


class _CustomId(msgspec.Struct):
    custom_id: str


def _unreadable(batch: Batch, why: str) -> JobStoppedError:
    return JobStoppedError(
        f"The account holds batch {batch.id} of {_date(batch)}, made by the same recipe, and it cannot be read: {why}. "
        "Nothing was sent, since its rows may be paid for. Make the same call again later; or give edition= a new "
        "word to buy anew."
    )


def _date(batch: Batch) -> str:
    created = moment(batch.created_at)
    return created.strftime("%Y-%m-%d %H:%M") if created else "an unknown date"
