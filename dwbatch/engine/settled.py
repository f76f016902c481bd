"""Which requests a checkpoint has settled for a call, shard by shard: a byte or two a request stays in memory."""

from collections.abc import Collection, Iterable

import numpy as np
import pyarrow as pa

from dwbatch.answers.pick import ranks_of
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard
from dwbatch.columns import Kind
from dwbatch.engine.again import is_owed, judged
from dwbatch.engine.desk import Order
from dwbatch.engine.lookup import KeyIndex
from dwbatch.engine.standing import WORST, as_good, places_of
from dwbatch.engine.states import OVER


def settled(
    index: KeyIndex, shards: Iterable[Shard], checkpoint: Checkpoint, order: Order, *, ended: Collection[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Requests whose best result is final for this call, and requests that are owed another try.

    Parameters
    ----------
    index : KeyIndex
        The distinct requests.
    shards : iterable of Shard
        Of this server, older ones first.
    checkpoint : Checkpoint
    order : Order
    ended : collection of int
        Numbers of the shards that came to their end during this call.

    Returns
    -------
    tuple of np.ndarray of bool, shape (n_requests,)
        Final and owed; a request without any result is neither.
    """
    rank = np.full(len(index.order), WORST, dtype=np.uint8)
    owed = np.zeros(len(index.order), dtype=bool)
    for shard in shards:
        if shard.state not in OVER or not checkpoint.has_results(shard.number):
            continue
        results = _results(shard, checkpoint, order)
        is_fresh = np.full(len(results), shard.number in ended)
        places, rows = places_of(results, index)
        ranks = ranks_of(results["status"])[rows]
        chosen = as_good(rank, places, ranks)
        at = places[chosen]
        rank[at] = ranks[chosen]
        owed[at] = is_owed(results, order.kinds, is_fresh=is_fresh)[rows[chosen]]
    return (rank != WORST) & ~owed, owed


def _results(shard: Shard, checkpoint: Checkpoint, order: Order) -> pa.Table:
    names = ["request_key", "answers_key", "status", "error_code"]
    judge = order.judge if Kind.INVALID in order.kinds else None
    table = checkpoint.results(shard.number, [*names, *judge.columns] if judge else names)
    return judged(table, judge) if judge else table
