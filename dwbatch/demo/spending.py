"""What a call cost: counted at the server, before and after."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from dwbatch.local import Server


@dataclass(frozen=True, slots=True)
class Spent:
    """What the server and the clock counted during one call."""

    exchanges: int
    batches: int
    model_calls: int
    seconds: float


def spent(server: Server, call: Callable[[], pd.DataFrame]) -> tuple[pd.DataFrame, Spent]:
    """What a call returns, and what it cost."""
    before = _counted(server)
    out = call()
    after = _counted(server)
    # The call's own last sentence, on stderr, ends with its line.
    sys.stdout.write("\n")
    return out, Spent(
        exchanges=after.exchanges - before.exchanges,
        batches=after.batches - before.batches,
        model_calls=after.model_calls - before.model_calls,
        seconds=after.seconds - before.seconds,
    )


def _counted(server: Server) -> Spent:
    exchanges = server.exchanges()
    return Spent(
        exchanges=len(exchanges),
        batches=sum(method == "POST" and path.endswith("/batches") for method, path, _ in exchanges),
        model_calls=len(server.ledger()),
        seconds=time.monotonic(),
    )


def bill(first: Spent, second: Spent) -> str:
    """Two calls side by side."""
    rows = {
        "HTTP requests": (first.exchanges, second.exchanges),
        "batches bought": (first.batches, second.batches),
        "model calls": (first.model_calls, second.model_calls),
        "seconds": (f"{first.seconds:.1f}", f"{second.seconds:.1f}"),
    }
    columns = ["first call", "second call"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).to_string()
