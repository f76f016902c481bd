"""What a call has to send: what it wants, less what is answered, in flight or planned already."""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.desk import Desk, Order
from dwbatch.engine.states import IN_FLIGHT, OVER, UNPAID
from dwbatch.engine.submit import look_up
from dwbatch.prompts.identity import KEY
from dwbatch.prompts.requests import Rows
from dwbatch.prompts.shards import cut

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The distinct requests of a frame, in the order of their first rows.

    Parameters
    ----------
    keys : pa.FixedSizeBinaryArray, shape (n,)
    positions : np.ndarray of int64, shape (n,)
        First row of each.
    """

    keys: pa.Array
    positions: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    def only(self, mask: np.ndarray) -> "Wanted":
        """Those where the mask is true."""
        return Wanted(self.keys.filter(pa.array(mask)), self.positions[mask])


def wanted(rows: Rows) -> Wanted:
    """Distinct requests of some rows."""
    encoded = rows.keys.dictionary_encode()
    codes = np.asarray(encoded.indices.fill_null(-1))
    _, first = np.unique(codes, return_index=True)
    first = first[codes[first] >= 0]
    return Wanted(encoded.dictionary, first.astype(np.int64))


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a shard may be."""

    max_requests: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a call will do.

    Parameters
    ----------
    shards : tuple of Shard
        Every shard of the checkpoint as it should stand, new ones included.
    active : frozenset of int
        Numbers of the shards that this call carries to their end.
    new, answered, in_flight : int
        Distinct requests to send, already answered, and on their way.
    """

    shards: tuple[Shard, ...]
    active: frozenset[int]
    new: int
    answered: int
    in_flight: int


Sizes = Callable[[Wanted], tuple[pa.Array, np.ndarray]]


def make_plan(asked: Wanted, desk: Desk, limits: Limits, sizes: Sizes) -> Plan:
    """Plan a call and record the plan.

    Parameters
    ----------
    asked : Wanted
        Every request the frame wants.
    desk : Desk
    limits : Limits
    sizes : callable
        Gives the custom_ids and line sizes, in bytes, of the requests to send.

    Notes
    -----
    Requests are recorded before the shards that send them, and both before anything is sent.
    """
    shards = {shard.number: shard for shard in desk.checkpoint.shards()}
    here = [shard for shard in shards.values() if shard.server == desk.order.server]
    answered = _is_in(asked.keys, _answered(desk.checkpoint, here))
    flying = np.zeros(len(asked), dtype=bool)
    active: set[int] = set()
    for shard in here:
        if shard.state in IN_FLIGHT:
            held = _is_in(asked.keys, _keys(desk.checkpoint, shard))
            # A batch that still owes lines is read again for the sake of those.
            if held.any():
                flying |= held & ~answered
                active.add(shard.number)
    reused = _reuse(here, asked.only(~answered & ~flying), desk)
    for shard, held in reused:
        shards[shard.number] = shard
        if shard.state is not State.DROPPED:
            active.add(shard.number)
            flying |= _is_in(asked.keys, held)
    to_send = asked.only(~answered & ~flying)
    for shard in _cut(to_send, desk, limits, sizes, first=desk.checkpoint.next_number(shards.values())):
        shards[shard.number] = shard
        active.add(shard.number)
    if len(to_send) or reused:
        desk.checkpoint.write_shards(shards.values())
    return Plan(
        shards=tuple(shards.values()),
        active=frozenset(active),
        new=len(to_send),
        answered=int(answered.sum()),
        in_flight=int((flying & ~answered).sum()),
    )


def _is_in(keys: pa.Array, values: pa.Array) -> np.ndarray:
    return np.asarray(pc.is_in(keys, value_set=values))


def _keys(checkpoint: Checkpoint, shard: Shard) -> pa.Array:
    return _both(checkpoint.requests(shard.number, ["request_key", "answers_key"]))


def _both(table: pa.Table) -> pa.Array:
    chunks = [*table["request_key"].chunks, *table["answers_key"].chunks]
    return pa.concat_arrays(chunks) if chunks else pa.array([], type=KEY)


def _answered(checkpoint: Checkpoint, shards: Sequence[Shard]) -> pa.Array:
    held = [
        _both(checkpoint.results(shard.number, ["request_key", "answers_key"]))
        for shard in shards
        if shard.state in OVER and checkpoint.has_results(shard.number)
    ]
    return pa.concat_arrays(held) if held else pa.array([], type=KEY)


def _reuse(here: Sequence[Shard], open_requests: Wanted, desk: Desk) -> list[tuple[Shard, pa.Array]]:
    """Shards of this recipe that cost nothing yet: kept if all they hold is wanted, else dropped.

    So an edited frame never buys yesterday's rows.
    """
    decided = []
    taken = pa.array([], type=KEY)
    for shard in here:
        if shard.state not in UNPAID or shard.recipe != desk.order.recipe:
            continue
        keys = desk.checkpoint.requests(shard.number, ["request_key"])["request_key"].combine_chunks()
        is_wanted = _is_in(keys, open_requests.keys) & ~_is_in(keys, taken)
        if is_wanted.all():
            taken = pa.concat_arrays([taken, keys])
            kept = replace(shard, job=desk.order.job, completion_window=desk.order.completion_window)
            desk.memory(shard).may_be_up = shard.state is State.PLANNED
            decided.append((kept, keys))
            continue
        # A shard that was ever posted may have been bought after all.
        bought = look_up(shard, desk) if shard.attempt else None
        decided.append((bought or replace(shard, state=State.DROPPED), keys))
        logger.info("shard %d: %s, its rows are not all wanted any more", shard.number, decided[-1][0].state)
    return decided


def _cut(to_send: Wanted, desk: Desk, limits: Limits, sizes: Sizes, *, first: int) -> list[Shard]:
    if not len(to_send):
        return []
    custom_ids, line_sizes = sizes(to_send)
    ranges = cut(line_sizes, max_requests=limits.max_requests, max_bytes=limits.max_bytes)
    shards = []
    for number, span in enumerate(ranges, start=first):
        keys = to_send.keys.slice(span.start, len(span))
        requests = pa.table(
            {
                "custom_id": custom_ids.slice(span.start, len(span)).cast(pa.string()),
                "request_key": keys,
                "answers_key": keys,
                "position": to_send.positions[span.start : span.stop],
            }
        )
        desk.checkpoint.write_requests(number, requests)
        shards.append(
            _new_shard(number, desk.order, desk, len(span), int(line_sizes[span.start : span.stop].sum()))
        )
    return shards


def _new_shard(number: int, order: Order, desk: Desk, requests: int, n_bytes: int) -> Shard:
    return Shard(
        number=number,
        token=secrets.token_hex(16),
        job=order.job,
        recipe=order.recipe,
        server=order.server,
        state=State.PLANNED,
        requests=requests,
        bytes=n_bytes,
        endpoint=order.endpoint,
        completion_window=order.completion_window,
        account=order.account,
        planned_at=desk.clock.now(),
    )
