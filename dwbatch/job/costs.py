"""What a job was billed and what it used: by the server's word, and by the answers' own."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from dwbatch.checkpoint.shard import Shard
from dwbatch.errors import ApiError, NotAnApiError
from dwbatch.frames import to_pandas
from dwbatch.job.held import Held
from dwbatch.job.rows import View, gathered
from dwbatch.wire.client import Client
from dwbatch.wire.objects import Analytics

# Not there at OpenAI and others, in whatever words they say so.
UNKNOWN = frozenset({400, 403, 404, 405, 501})


@dataclass(frozen=True, slots=True)
class Cost:
    """What a job was billed and used, so far.

    Parameters
    ----------
    billed : Decimal or None
        In the server's credits (US dollars at the hosted service), over the batches it knows the
        costs of; None where it knows none.
    list_price : Decimal or None
        The same before discounts.
    prompt_tokens, completion_tokens : int
        By the server's count, or by the answers' own where that is more: the server's may lag
        behind, and shows zeros at first.
    batches : DataFrame
        One row a batch: ``batch_id``, ``billed``, ``requests``, ``prompt_tokens``, ``completion_tokens``.
    rows : DataFrame
        One row a row of the job, with its index: ``prompt_tokens`` and ``completion_tokens`` of its best
        answer, ``batch_id``. Rows that share a request show the same tokens, which are billed once.
    is_settled : bool
        Whether the server has counted every request that has ended. It may take minutes.
    """

    billed: Decimal | None
    list_price: Decimal | None
    prompt_tokens: int
    completion_tokens: int
    batches: pd.DataFrame
    rows: pd.DataFrame
    is_settled: bool

    def __str__(self) -> str:
        money = (
            "an amount that the server does not tell"
            if self.billed is None
            else f"{self.billed.normalize():f}"
        )
        lag = "" if self.is_settled or self.billed is None else ", so far: the server still counts"
        return (
            f"{money} for {self.prompt_tokens:,} prompt and {self.completion_tokens:,} completion tokens{lag}"
        )


def cost_of(held: Held, view: View, shards: Sequence[Shard], client: Client) -> Cost:
    """Ask the server for each batch, and count the answers."""
    bought = [shard for shard in shards if shard.batch_id is not None]
    told = [(shard, _analytics(shard, client)) for shard in bought]
    known = [analytics for _, analytics in told if analytics is not None]
    rows = _rows(held, view, shards)
    batches = pd.DataFrame(
        [_line(shard, analytics) for shard, analytics in told], columns=pd.Index(COLUMNS)
    ).astype(
        {"batch_id": "string", "requests": "Int64", "prompt_tokens": "Int64", "completion_tokens": "Int64"}
    )
    counted = {name: int(batches[name].sum()) for name in ("prompt_tokens", "completion_tokens")}
    read = rows.drop_duplicates("request")[["prompt_tokens", "completion_tokens"]].sum()
    return Cost(
        billed=_sum([each.total_cost for each in known]),
        list_price=_sum([each.total_list_cost for each in known]),
        prompt_tokens=max(counted["prompt_tokens"], int(read["prompt_tokens"])),
        completion_tokens=max(counted["completion_tokens"], int(read["completion_tokens"])),
        batches=batches,
        rows=rows.drop(columns="request"),
        is_settled=all(
            analytics is not None and analytics.total_requests >= shard.completed for shard, analytics in told
        ),
    )


def billed_so_far(shards: Sequence[Shard], client: Client) -> Decimal | None:
    """What the server has billed for some shards; None where it does not tell."""
    told = [_analytics(shard, client) for shard in shards if shard.batch_id is not None]
    return _sum([each.total_cost for each in told if each is not None])


COLUMNS = ("batch_id", "billed", "requests", "prompt_tokens", "completion_tokens")


def _analytics(shard: Shard, client: Client) -> Analytics | None:
    try:
        return client.analytics(shard.batch_id or "")
    except ApiError as error:
        if error.status not in UNKNOWN:
            raise
    except NotAnApiError:
        # Some servers answer a path that they do not know with a page.
        pass
    return None


def _line(shard: Shard, analytics: Analytics | None) -> tuple[object, ...]:
    if analytics is None:
        return shard.batch_id, None, None, None, None
    return (
        shard.batch_id,
        analytics.total_cost,
        analytics.total_requests,
        analytics.total_prompt_tokens,
        analytics.total_completion_tokens,
    )


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _rows(held: Held, view: View, shards: Sequence[Shard]) -> pd.DataFrame:
    found = gathered(held, view, shards)
    columns = {name: found.column(name) for name in ("prompt_tokens", "completion_tokens", "batch_id")}
    frame = pd.DataFrame(
        {name: to_pandas(values) for name, values in columns.items()}, index=view.frame.index
    )
    request = found.positions.fill_null(-1).to_pylist()
    return frame.assign(request=request)
