"""A limit on what a call may buy, kept before each purchase and not after it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.price import Price
from dwbatch.errors import CostLimitError

# Uploaded, and about to be bought; or begun by a call that died, and bought now if it was not then.
WAITING = frozenset({State.UPLOADED, State.SUBMITTING})


@dataclass(slots=True)
class Budget:
    """What one call may spend on what it buys itself.

    Parameters
    ----------
    limit : Decimal
        In the account's credits.
    window : str
        Completion window of the call.
    is_whole : bool
        Whether all that the call would buy is uploaded and priced before any of it is bought, so that
        what costs too much together is refused together. Else one shard is bought after another, up
        to the first that costs more than is left.
    prices : dict of int to Price
        What shards cost, by their numbers, as far as the server was asked.
    approved : set of int
        Numbers of those that may be bought.
    refusal : CostLimitError or None
        Why nothing more may be.
    """

    limit: Decimal
    window: str
    is_whole: bool = True
    prices: dict[int, Price] = field(default_factory=dict)
    approved: set[int] = field(default_factory=set)
    refusal: CostLimitError | None = None

    def is_waiting(self, shard: Shard) -> bool:
        """Whether a shard may not be bought before its price has been looked at."""
        return shard.state in WAITING and shard.number not in self.approved

    def approve(self, shards: Mapping[int, Shard], carried: Collection[Shard]) -> None:
        """Let shards be bought whose price is known, as far as the limit goes; beyond it, refuse the rest.

        Parameters
        ----------
        shards : mapping of int to Shard
            All of the checkpoint, as they stand.
        carried : collection of Shard
            Those that the call is not done with, in the order in which they are bought.
        """
        for together in self._candidates(carried):
            spent = sum((self.prices[number] for number in self._paid(shards)), Price())
            wanted = sum((self.prices[shard.number] for shard in together), Price())
            if wanted.cost is None or spent.cost is None or spent.cost + wanted.cost > self.limit:
                self.refusal = self._refused(spent, wanted, together, carried)
                return
            self.approved.update(shard.number for shard in together)

    def _candidates(self, carried: Collection[Shard]) -> Iterator[Sequence[Shard]]:
        """Shards to be approved together."""
        waiting = [] if self.refusal else [shard for shard in carried if self.is_waiting(shard)]
        priced = [shard for shard in waiting if shard.number in self.prices]
        if not self.is_whole:
            yield from ([shard] for shard in priced)
        elif priced and len(priced) == len(waiting) and not any(map(self._is_to_come, carried)):
            yield priced

    def _is_to_come(self, shard: Shard) -> bool:
        return shard.state is State.PLANNED and shard.number not in self.approved

    def _paid(self, shards: Mapping[int, Shard]) -> list[int]:
        """What was bought, or will be: all that was approved, unless it was dropped after that."""
        return [number for number in self.approved if shards[number].state is not State.DROPPED]

    def _refused(
        self, spent: Price, wanted: Price, together: Sequence[Shard], carried: Collection[Shard]
    ) -> CostLimitError:
        here = {shard.number for shard in together}
        behind = [shard for shard in carried if shard.number not in here]
        return CostLimitError(
            limit=self.limit,
            estimated=wanted.cost,
            spent=spent.cost or Decimal(0),
            requests=sum(shard.requests for shard in together),
            window=self.window,
            models={name: part.cost for name, part in wanted.models.items()},
            waiting=sum(
                shard.requests for shard in behind if shard.state is State.PLANNED or self.is_waiting(shard)
            ),
        )
