"""What a checkpoint has of the requests that a call wants: read without a lock, and nothing is written.

Whoever plans a purchase and whoever only tells what a call would do read the
same stock, so that the two cannot disagree.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard
from dwbatch.engine.desk import Order, Tally
from dwbatch.engine.states import IN_FLIGHT, UNPAID
from dwbatch.engine.wanted import Wanted, is_in, keys_of, settled_keys
from dwbatch.prompts.identity import KEY


@dataclass(frozen=True, slots=True)
class Held:
    """A shard and the answers_keys that it holds."""

    shard: Shard
    keys: pa.Array


@dataclass(frozen=True, slots=True)
class Stock:
    """Which wanted requests are done with, on their way, and still to be bought.

    Parameters
    ----------
    asked : Wanted
        Every request the frame wants; the masks below are over these.
    here : tuple of Shard
        The shards of this server.
    final : np.ndarray of bool
        Requests whose best result is final for this call.
    owed : np.ndarray of bool
        Requests that the caller wants sent again.
    barred : np.ndarray of bool
        Those that this call does not send once more: sent again already, or too large for any file.
    flying : np.ndarray of bool
        Requests on their way, or in a shard that this call will carry.
    active : frozenset of int
        Numbers of the shards in flight that hold any wanted request.
    """

    asked: Wanted
    here: tuple[Shard, ...]
    final: np.ndarray
    owed: np.ndarray
    barred: np.ndarray
    flying: np.ndarray
    active: frozenset[int]

    @property
    def missing(self) -> np.ndarray:
        """Requests that no shard holds and nobody has answered: what is to be bought."""
        mask: np.ndarray = ~self.final & ~self.flying & ~self.barred
        return mask

    @property
    def answered(self) -> int:
        """Requests with which this call is done."""
        return int((self.final | (self.barred & ~self.flying)).sum())

    @property
    def in_flight(self) -> int:
        """Requests that are held by a shard which this call carries."""
        return int((self.flying & ~self.final).sum())

    def carrying(self, shards: Iterable[Held]) -> "Stock":
        """The same once these shards are carried as well."""
        held = list(shards)
        keys = pa.concat_arrays([pa.array([], KEY), *(each.keys for each in held)])
        flying = self.flying | (is_in(self.asked.keys, keys) & ~self.final)
        return replace(self, flying=flying, active=self.active | {each.shard.number for each in held})

    def unpaid(self, checkpoint: Checkpoint, recipe: str) -> tuple[list[Held], list[Held]]:
        """Shards of a recipe that cost nothing yet: those of use, and those that hold what nobody wants.

        So an edited frame never buys yesterday's rows.
        """
        open_keys = self.asked.keys.filter(pa.array(~self.final & ~self.flying))
        taken = pa.array([], KEY)
        kept, stale = list[Held](), list[Held]()
        for shard in self.here:
            if shard.state not in UNPAID or shard.recipe != recipe:
                continue
            # By what it asks, not by what it answers: a row asked anew with other parameters is no call's
            # own, and whoever asked it so asks it again.
            keys = checkpoint.requests(shard.number, ["request_key"])["request_key"].combine_chunks()
            if (is_in(keys, open_keys) & ~is_in(keys, taken)).all():
                taken = pa.concat_arrays([taken, keys])
                kept.append(Held(shard, keys))
            else:
                stale.append(Held(shard, keys))
        return kept, stale


def take_stock(
    asked: Wanted,
    shards: Iterable[Shard],
    checkpoint: Checkpoint,
    order: Order,
    tally: Tally | None = None,
) -> Stock:
    """Read what a checkpoint has.

    Parameters
    ----------
    asked : Wanted
    shards : iterable of Shard
        As they stand on disk; whatever they name was written before them.
    checkpoint : Checkpoint
    order : Order
        Whose server, kinds and judge decide what counts.
    tally : Tally, optional
        What this call has done so far.
    """
    done = tally or Tally()
    here = tuple(shard for shard in shards if shard.server == order.server)
    final_keys, owed_keys = settled_keys(here, checkpoint, order, ended=done.ended)
    final, owed = is_in(asked.keys, final_keys), is_in(asked.keys, owed_keys)
    barred = owed & is_in(asked.keys, _array(done.resent)) | is_in(asked.keys, _array(done.too_large))
    flying, active = np.zeros(len(asked), dtype=bool), set[int]()
    for shard in here:
        if shard.state in IN_FLIGHT:
            held = is_in(asked.keys, keys_of(checkpoint, shard))
            flying |= held & ~final
            if held.any():
                active.add(shard.number)
    return Stock(asked, here, final, owed, barred, flying, frozenset(active))


def _array(keys: Collection[bytes]) -> pa.Array:
    return pa.array(sorted(keys), KEY)
