"""What a call has to send: what it wants, less what is answered, in flight or planned already."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.account import Adopted, find_adoptable
from dwbatch.engine.desk import Desk
from dwbatch.engine.stock import Held, Stock, take_stock
from dwbatch.engine.submit import look_up
from dwbatch.engine.wanted import Wanted
from dwbatch.prompts.shards import cut

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Planned:
    """What a call will do.

    Parameters
    ----------
    shards : tuple of Shard
        Every shard of the checkpoint as it should stand, new ones included.
    active : frozenset of int
        Numbers of the shards that this call carries to their end.
    new, again, answered, in_flight : int
        Distinct requests to send, to send once more, already answered, and on their way.
    adopted : tuple of Shard
        Taken over from the account.
    """

    shards: tuple[Shard, ...]
    active: frozenset[int]
    new: int
    again: int
    answered: int
    in_flight: int
    adopted: tuple[Shard, ...] = ()


Sizes = Callable[[Wanted], np.ndarray]
CustomIds = Callable[[Wanted], pa.Array]


def make_plan(asked: Wanted, desk: Desk, *, sizes: Sizes, custom_ids: CustomIds) -> Planned:
    """Plan a call, or plan it again, and record the plan.

    Parameters
    ----------
    asked : Wanted
        Every request the frame wants.
    desk : Desk
    sizes : callable
        Gives the sizes of request lines, in bytes.
    custom_ids : callable
        Gives the custom_ids of requests.

    Notes
    -----
    Requests are recorded before the shards that send them, and both before anything is sent.
    """
    shards = {shard.number: shard for shard in desk.checkpoint.shards()}
    stock = take_stock(asked, shards.values(), desk.checkpoint, desk.order, desk.tally)
    adopted = _adopt(stock, shards, desk)
    stock = stock.carrying(
        Held(taken.shard, taken.requests["answers_key"].combine_chunks()) for taken in adopted
    )
    carried, dropped = _reuse(stock, desk)
    stock = stock.carrying(carried)
    to_send = asked.only(stock.missing)
    again = asked.keys.filter(pa.array(stock.missing & stock.owed))
    active, answered, in_flight = stock.active, stock.answered, stock.in_flight
    # Its index weighs as much as the keys, and cutting them needs the room.
    del stock
    fresh = _cut(
        to_send,
        desk,
        sizes,
        custom_ids,
        first=desk.checkpoint.next_number([*shards.values(), *map(_shard, adopted)]),
    )
    changed = [*map(_shard, adopted), *map(_shard, carried), *dropped, *fresh]
    shards |= {shard.number: shard for shard in changed}
    if changed:
        desk.checkpoint.write_shards(shards.values())
    desk.tally.resent |= set(again.to_pylist())
    desk.tally.sent += len(to_send) - len(again)
    return Planned(
        shards=tuple(shards.values()),
        active=active | {shard.number for shard in fresh},
        new=len(to_send) - len(again),
        again=len(again),
        answered=answered,
        in_flight=in_flight,
        adopted=tuple(map(_shard, adopted)),
    )


def _shard(holder: Adopted | Held) -> Shard:
    return holder.shard


def _adopt(stock: Stock, shards: dict[int, Shard], desk: Desk) -> list[Adopted]:
    """Take over what the account holds of the requests that are missing; one look a call."""
    if desk.tally.has_looked or not stock.missing.any():
        return []
    desk.tally.has_looked = True
    first = desk.checkpoint.next_number(shards.values())
    adopted = find_adoptable(desk, shards.values(), stock.lacks, first=first)
    for taken in adopted:
        desk.checkpoint.write_requests(taken.shard.number, taken.requests)
    return adopted


def _reuse(stock: Stock, desk: Desk) -> tuple[list[Held], list[Shard]]:
    """Shards that cost nothing yet: those that this call carries on, and those that it drops."""
    kept, stale = stock.unpaid(desk.checkpoint, desk.order.recipe)
    carried, dropped = list[Held](), list[Shard]()
    for held in kept:
        if held.shard.number not in desk.memories:
            # Left by another call: its upload may have come through, and nobody has counted it.
            desk.memory(held.shard).may_be_up = held.shard.state is State.PLANNED
            desk.tally.sent += len(held.keys) - len(stock.owed_among(held.keys))
        carried.append(Held(desk.renamed(held.shard), held.keys))
    for held in stale:
        # A shard that was ever posted may have been bought after all.
        bought = look_up(held.shard, desk.client, desk.clock) if held.shard.attempt else None
        if bought is not None:
            carried.append(Held(bought, held.keys))
        else:
            dropped.append(replace(held.shard, state=State.DROPPED))
            logger.info("shard %d: dropped, its rows are not all wanted any more", held.shard.number)
    for held in carried:
        desk.tally.resent |= stock.owed_among(held.keys)
    return carried, dropped


def _cut(to_send: Wanted, desk: Desk, sizes: Sizes, custom_ids: CustomIds, *, first: int) -> list[Shard]:
    if not len(to_send):
        return []
    to_send = to_send.grouped(desk.order.groups)
    line_sizes = sizes(to_send)
    fits = line_sizes <= desk.limits.max_bytes
    if not fits.all():
        # The frame's own limit was checked before; this one the server has just taught.
        desk.tally.too_large |= set(to_send.keys.filter(pa.array(~fits)).to_pylist())
        to_send, line_sizes = to_send.only(fits), line_sizes[fits]
    shards = []
    groups = None if desk.order.groups is None else desk.order.groups[to_send.positions]
    ranges = cut(
        line_sizes, max_requests=desk.limits.max_requests, max_bytes=desk.limits.max_bytes, groups=groups
    )
    for number, span in enumerate(ranges, start=first):
        here = to_send.part(span)
        requests = pa.table(
            {
                # Made here, shard by shard: ten million of them would fill a gigabyte.
                "custom_id": custom_ids(here).cast(pa.string()),
                "request_key": here.keys,
                "answers_key": here.keys,
                "position": pa.array(here.positions, pa.int64()),
            }
        )
        desk.checkpoint.write_requests(number, requests)
        shards.append(
            _new_shard(number, desk, len(span), int(line_sizes[span.start : span.stop].sum(dtype=np.int64)))
        )
    return shards


def _new_shard(number: int, desk: Desk, requests: int, n_bytes: int) -> Shard:
    order = desk.order
    shard = Shard(
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
    # Planned here and now, so nothing of it can be at the server yet.
    desk.memory(shard)
    return shard
