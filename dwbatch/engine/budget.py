"""A limit on what a call may buy, kept before each purchase and not after it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.price import Price, price
from dwbatch.errors import CostLimitError
from dwbatch.wire.client import Client

# Uploaded, and about to be bought; or begun by a call that died, and bought now if it was not then.
WAITING = frozenset({State.UPLOADED, State.SUBMITTING})
BOUGHT = frozenset({State.SUBMITTING, State.SUBMITTED, State.ENDED, State.FETCHED, State.GONE})


@dataclass(slots=True)
class Budget:
    """What one call may spend on what it buys itself.

    Parameters
    ----------
    limit : Decimal
        In the account's credits.
    window : str
        Completion window of the call.
    """

    limit: Decimal
    window: str
    _approved: dict[int, Price] = field(default_factory=dict)

    def approve(self, shards: Iterable[Shard], active: Collection[int], client: Client) -> None:
        """Let these shards be bought, or refuse all that is not bought yet.

        Parameters
        ----------
        shards : iterable of Shard
            All of the checkpoint, as they stand.
        active : collection of int
            Numbers of those that the call carries, every file uploaded.
        client : Client

        Raises
        ------
        CostLimitError
            If what this call has bought and what it would buy cost more than the limit together by
            the server's estimate, or the server does not say what they cost.
        ApiError, TransportError
            If the server does not answer. Nothing more was bought.
        """
        spent, wanted, requests = Price(), Price(), 0
        for shard in shards:
            if shard.number in self._approved and shard.state in BOUGHT:
                spent += self._approved[shard.number]
            elif shard.state in WAITING and shard.number in active:
                self._approved[shard.number] = price([shard], client, window=self.window)
                wanted += self._approved[shard.number]
                requests += shard.requests
        if not requests or (
            wanted.cost is not None and spent.cost is not None and spent.cost + wanted.cost <= self.limit
        ):
            return
        raise CostLimitError(
            limit=self.limit,
            estimated=wanted.cost,
            spent=spent.cost or Decimal(0),
            requests=requests,
            window=self.window,
            models={name: part.cost for name, part in wanted.models.items()},
        )
