"""What a call has to send: what it wants, less what is answered, in flight or planned already."""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.account import Adopted, find_adoptable
from dwbatch.engine.desk import Desk
from dwbatch.engine.states import IN_FLIGHT, UNPAID
from dwbatch.engine.submit import look_up
from dwbatch.engine.wanted import Wanted, is_in, keys_of, settled_keys
from dwbatch.prompts.identity import KEY
from dwbatch.prompts.shards import cut

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
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


Sizes = Callable[[Wanted], tuple[pa.Array, np.ndarray]]


def make_plan(asked: Wanted, desk: Desk, sizes: Sizes) -> Plan:
    """Plan a call, or plan it again, and record the plan.

    Parameters
    ----------
    asked : Wanted
        Every request the frame wants.
    desk : Desk
    sizes : callable
        Gives the custom_ids and line sizes, in bytes, of the requests to send.

    Notes
    -----
    Requests are recorded before the shards that send them, and both before anything is sent.
    """
    shards = {shard.number: shard for shard in desk.checkpoint.shards()}
    here = [shard for shard in shards.values() if shard.server == desk.order.server]
    final_keys, owed_keys = settled_keys(here, desk)
    final, owed = is_in(asked.keys, final_keys), is_in(asked.keys, owed_keys)
    # What this call has sent again, and what no file can hold, it does not plan once more.
    barred = owed & is_in(asked.keys, _array(desk.tally.resent)) | is_in(
        asked.keys, _array(desk.tally.too_large)
    )
    flying, active = _in_flight(asked, here, ~final, desk)
    adopted = _adopt(asked.only(~final & ~flying & ~barred), shards, desk)
    for taken in adopted:
        shards[taken.shard.number] = taken.shard
        active.add(taken.shard.number)
        flying |= is_in(asked.keys, taken.requests["answers_key"].combine_chunks()) & ~final
    decided = _reuse(here, asked.only(~final & ~flying), desk)
    for shard, held in decided:
        shards[shard.number] = shard
        if shard.state is not State.DROPPED:
            active.add(shard.number)
            flying |= is_in(asked.keys, held)
            desk.tally.resent |= set(held.filter(pa.array(is_in(held, owed_keys))).to_pylist())
    to_send = asked.only(~final & ~flying & ~barred)
    fresh = _cut(to_send, desk, sizes, first=desk.checkpoint.next_number(shards.values()))
    for shard in fresh:
        shards[shard.number] = shard
        active.add(shard.number)
    if fresh or decided or adopted:
        desk.checkpoint.write_shards(shards.values())
    again = to_send.keys.filter(pa.array(is_in(to_send.keys, owed_keys)))
    desk.tally.resent |= set(again.to_pylist())
    desk.tally.sent += len(to_send) - len(again)
    return Plan(
        shards=tuple(shards.values()),
        active=frozenset(active),
        new=len(to_send) - len(again),
        again=len(again),
        answered=int((final | (barred & ~flying)).sum()),
        in_flight=int((flying & ~final).sum()),
        adopted=tuple(taken.shard for taken in adopted),
    )


def _array(keys: set[bytes]) -> pa.Array:
    return pa.array(sorted(keys), KEY)


def _adopt(asked: Wanted, shards: dict[int, Shard], desk: Desk) -> list[Adopted]:
    """Take over what the account holds of these requests; one look a call."""
    if desk.tally.has_looked or not len(asked):
        return []
    desk.tally.has_looked = True
    first = desk.checkpoint.next_number(shards.values())
    adopted = find_adoptable(desk, shards.values(), asked.keys, first=first)
    for taken in adopted:
        desk.checkpoint.write_requests(taken.shard.number, taken.requests)
    return adopted


def _in_flight(
    asked: Wanted, here: Sequence[Shard], is_open: np.ndarray, desk: Desk
) -> tuple[np.ndarray, set[int]]:
    """Which requests are on their way, and the shards that carry any wanted one."""
    flying = np.zeros(len(asked), dtype=bool)
    active: set[int] = set()
    for shard in here:
        if shard.state in IN_FLIGHT:
            held = is_in(asked.keys, keys_of(desk.checkpoint, shard))
            flying |= held & is_open
            if held.any():
                active.add(shard.number)
    return flying, active


def _reuse(here: Sequence[Shard], open_requests: Wanted, desk: Desk) -> list[tuple[Shard, pa.Array]]:
    """Shards of this recipe that cost nothing yet: kept if all they hold is wanted, else dropped.

    So an edited frame never buys yesterday's rows.
    """
    decided = []
    taken = pa.array([], type=KEY)
    for shard in here:
        if shard.state not in UNPAID or shard.recipe != desk.order.recipe:
            continue
        keys = desk.checkpoint.requests(shard.number, ["answers_key"])["answers_key"].combine_chunks()
        is_wanted = is_in(keys, open_requests.keys) & ~is_in(keys, taken)
        if is_wanted.all():
            taken = pa.concat_arrays([taken, keys])
            if shard.number not in desk.memories:
                # Left by another process: its upload may have come through.
                desk.memory(shard).may_be_up = shard.state is State.PLANNED
            decided.append((desk.renamed(shard), keys))
            continue
        # A shard that was ever posted may have been bought after all.
        bought = look_up(shard, desk.client, desk.clock) if shard.attempt else None
        decided.append((bought or replace(shard, state=State.DROPPED), keys))
        logger.info("shard %d: %s, its rows are not all wanted any more", shard.number, decided[-1][0].state)
    return decided


def _cut(to_send: Wanted, desk: Desk, sizes: Sizes, *, first: int) -> list[Shard]:
    if not len(to_send):
        return []
    to_send = to_send.grouped(desk.order.groups)
    custom_ids, line_sizes = sizes(to_send)
    fits = line_sizes <= desk.limits.max_bytes
    if not fits.all():
        # The frame's own limit was checked before; this one the server has just taught.
        desk.tally.too_large |= set(to_send.keys.filter(pa.array(~fits)).to_pylist())
        to_send, custom_ids, line_sizes = (
            to_send.only(fits),
            custom_ids.filter(pa.array(fits)),
            line_sizes[fits],
        )
    shards = []
    groups = None if desk.order.groups is None else desk.order.groups[to_send.positions]
    ranges = cut(
        line_sizes, max_requests=desk.limits.max_requests, max_bytes=desk.limits.max_bytes, groups=groups
    )
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
        shards.append(_new_shard(number, desk, len(span), int(line_sizes[span.start : span.stop].sum())))
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
