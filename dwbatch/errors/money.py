"""What costs more than it may."""

from collections.abc import Mapping
from decimal import Decimal

from dwbatch.errors.base import DwbatchError


class CostLimitError(DwbatchError):
    """Nothing more is bought: it would cost more than ``max_cost``, or the server does not say what.

    The files stay at the server, so that a call with a higher limit does not upload them again.

    Parameters
    ----------
    limit : Decimal
        What the call may cost.
    estimated : Decimal or None
        What the server expects the purchase to cost; None where it gives no price.
    spent : Decimal
        The same of what this call has bought before.
    requests : int
        How many would be bought.
    window : str
        Completion window for which the price was asked.
    models : mapping of str to Decimal or None
        `estimated` by model.
    waiting : int
        How many requests more wait behind them, not priced.

    Examples
    --------
    >>> import dwbatch, dwbatch.local, pandas
    >>> frame = pandas.DataFrame({"text": ["lovely"]})
    >>> with dwbatch.local.Server() as server:
    ...     try:
    ...         frame.doubleword.run("{text}", model="Qwen/Qwen3.5-35B-A3B-FP8", max_cost="0.0000001",
    ...                              base_url=server.base_url, checkpoint=False, progress=False)
    ...     except CostLimitError as error:
    ...         print(error.limit, error.estimated > error.limit, error.requests)
    1E-7 True 1
    """

    def __init__(
        self,
        limit: Decimal,
        estimated: Decimal | None,
        spent: Decimal,
        requests: int,
        window: str,
        models: Mapping[str, Decimal | None],
        waiting: int = 0,
    ) -> None:
        super().__init__(limit, estimated, spent, requests, window, models, waiting)
        self.limit = limit
        self.estimated = estimated
        self.spent = spent
        self.requests = requests
        self.window = window
        self.models = models
        self.waiting = waiting

    def __str__(self) -> str:
        told = self._told()
        return f"{told} {self.waiting:,} requests more wait behind them." if self.waiting else told

    def _told(self) -> str:
        before = "Nothing was bought"
        if self.spent:
            before = f"What this call has bought before, for about {self.spent:f}, is kept"
        if self.estimated is None:
            unknown = ", ".join(repr(name) for name, cost in self.models.items() if cost is None)
            return (
                f"The server gives no price{f' of {unknown}' if unknown else ''} for the {self.window} window (0 would "
                f"not mean free), so max_cost={self.limit:f} cannot be kept to for {self.requests:,} requests. {before}; "
                "the files are uploaded. Leave max_cost= out to buy them without a limit."
            )
        parts = ", ".join(f"{name}: {cost:f}" for name, cost in self.models.items() if cost is not None)
        return (
            f"{self.requests:,} requests would cost about {self.estimated:f} by the server's estimate ({parts}), more "
            f"than max_cost={self.limit:f} leaves. {before}; the files are uploaded, and the same call with a higher "
            "max_cost= buys them without another upload."
        )
