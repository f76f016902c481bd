"""What uploaded requests would cost, by the server's own word; and where it gives none, nothing is guessed."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from dwbatch.checkpoint.shard import Shard
from dwbatch.errors import ApiError, NotAnApiError
from dwbatch.wire.client import Client
from dwbatch.wire.objects import CostEstimate, ModelEstimate

logger = logging.getLogger(__name__)

# No such call, no such file for it, or no such window: the server has no price to tell. What else
# it says, such as 401 or 500, says nothing about prices.
NO_PRICE = frozenset({400, 404, 405, 422, 501})


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """One model's part of what is to be bought.

    Parameters
    ----------
    requests : int
    prompt_tokens, completion_tokens : int or None
        As the server expects them.
    cost : Decimal or None
        In the account's credits; None where the server gives no price.
    """

    requests: int = 0
    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    cost: Decimal | None = Decimal(0)

    def __add__(self, other: "ModelPrice") -> "ModelPrice":
        return ModelPrice(
            self.requests + other.requests,
            _sum(self.prompt_tokens, other.prompt_tokens),
            _sum(self.completion_tokens, other.completion_tokens),
            None if self.cost is None or other.cost is None else self.cost + other.cost,
        )


@dataclass(frozen=True, slots=True)
class Price:
    """What some shards would cost.

    Parameters
    ----------
    cost : Decimal or None
        None where any part of it is unknown.
    models : mapping of str to ModelPrice
    """

    cost: Decimal | None = Decimal(0)
    models: Mapping[str, ModelPrice] = field(default_factory=dict)

    def __add__(self, other: "Price") -> "Price":
        names = dict.fromkeys([*self.models, *other.models])
        none = ModelPrice()
        return Price(
            None if self.cost is None or other.cost is None else self.cost + other.cost,
            {name: self.models.get(name, none) + other.models.get(name, none) for name in names},
        )


UNKNOWN = Price(cost=None)


def price(shards: Iterable[Shard], client: Client, *, window: str) -> Price:
    """Ask what uploaded shards would cost together.

    Parameters
    ----------
    shards : iterable of Shard
        Each with its input file at the server.
    client : Client
    window : str
        Completion window.

    Raises
    ------
    ApiError, TransportError
        If the server does not answer; a server that has no prices is no error.
    """
    total = Price()
    for shard in shards:
        total += _price_of(shard, client, window)
    return total


def _price_of(shard: Shard, client: Client, window: str) -> Price:
    try:
        told = client.estimate(shard.input_file_id or "", completion_window=window)
    except NotAnApiError as error:
        logger.info("shard %d: no price for the %s window (%s)", shard.number, window, error)
        return UNKNOWN
    except ApiError as error:
        if error.status not in NO_PRICE:
            raise
        logger.info("shard %d: no price for the %s window (%s)", shard.number, window, error)
        return UNKNOWN
    models = {model.model: _part(model) for model in told.models or ()}
    return Price(_total(told, models, shard), models)


def _part(told: ModelEstimate) -> ModelPrice:
    return ModelPrice(
        told.request_count or 0,
        told.estimated_input_tokens,
        told.estimated_output_tokens,
        _known(told.estimated_cost),
    )


def _total(told: CostEstimate, models: Mapping[str, ModelPrice], shard: Shard) -> Decimal | None:
    """The price of a whole file; None if any of its requests may be without one."""
    is_partial = any(model.cost is None for model in models.values())
    is_short = told.total_requests is not None and told.total_requests < shard.requests
    return None if is_partial or is_short else _known(told.total_estimated_cost)


def _known(cost: Decimal | None) -> Decimal | None:
    """A price that says something: a model without one counts as 0 at the server, so 0 is not free."""
    return cost if cost is not None and cost.is_finite() and cost > 0 else None


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
