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
from dwbatch.engine.lookup import KeyIndex
from dwbatch.engine.settled import settled
from dwbatch.engine.states import IN_FLIGHT, UNPAID
from dwbatch.engine.wanted import Wanted, keys_of
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
    index : KeyIndex
        Where each of them stands.
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
    index: KeyIndex
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
        flying, numbers = self.flying.copy(), set(self.active)
        for held in shards:
            flying[self.index.known(held.keys)] = True
            numbers.add(held.shard.number)
        return replace(self, flying=flying & ~self.final, active=frozenset(numbers))

    def lacks(self, starts: Iterable[str]) -> bool:
        """Whether any request that is missing has a key with one of these first halves, in hexadecimal."""
        places = self.index.starting(starts)
        is_held = self.final[places] | self.flying[places] | self.barred[places]
        return not bool(is_held.all())

    def owed_among(self, keys: pa.Array) -> set[bytes]:
        """Those of some keys that the caller wants sent again."""
        places = self.index.known(keys)
        return set(self.asked.keys.take(pa.array(places[self.owed[places]])).to_pylist())

    def unpaid(self, checkpoint: Checkpoint, recipe: str) -> tuple[list[Held], list[Held]]:
        """Shards of a recipe that cost nothing yet: those of use, and those that hold what nobody wants.

        So an edited frame never buys yesterday's rows.
        """
        is_open = ~self.final & ~self.flying
        kept, stale = list[Held](), list[Held]()
        for shard in self.here:
            if shard.state not in UNPAID or shard.recipe != recipe:
                continue
            # By what it asks, not by what it answers: a row asked anew with other parameters is no call's
            # own, and whoever asked it so asks it again.
            keys = checkpoint.requests(shard.number, ["request_key"])["request_key"].combine_chunks()
            places = self.index.known(keys)
            if len(places) == len(keys) and is_open[places].all():
                is_open[places] = False
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
    index = KeyIndex.of(asked.keys)
    final, owed = settled(index, here, checkpoint, order, ended=done.ended)
    barred = owed & index.mask(_array(done.resent)) | index.mask(_array(done.too_large))
    flying, active = np.zeros(len(asked), dtype=bool), set[int]()
    for shard in here:
        if shard.state in IN_FLIGHT:
            held = index.known(keys_of(checkpoint, shard))
            flying[held] = True
            if len(held):
                active.add(shard.number)
    return Stock(asked, index, here, final, owed, barred, flying & ~final, frozenset(active))


def _array(keys: Collection[bytes]) -> pa.Array:
    return pa.array(sorted(keys), KEY)
