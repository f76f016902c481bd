"""Among all results of a checkpoint, the best of each request: what is kept of a result is where it stands."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa

from dwbatch.answers.pick import worst_first
from dwbatch.engine.lookup import KeyIndex
from dwbatch.engine.wanted import keyed
from dwbatch.prompts.distinct import ABSENT

NOWHERE = -1
WORST = 255


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the best result of each request stands.

    The last place stands for a row that makes no request, so that -1 finds it, and finds nothing.

    Parameters
    ----------
    shard : np.ndarray of int32, shape (n_requests + 1,)
        Number of its shard; -1 where there is none.
    row : np.ndarray of int32, shape (n_requests + 1,)
        Its row in that shard's results.
    rank : np.ndarray of uint8, shape (n_requests + 1,)
        How good it is; less is better.
    """

    shard: np.ndarray
    row: np.ndarray
    rank: np.ndarray

    @classmethod
    def nowhere(cls, count: int) -> Self:
        """No request has a result yet."""
        return cls(
            np.full(count + 1, NOWHERE, dtype=np.int32),
            np.zeros(count + 1, dtype=np.int32),
            np.full(count + 1, WORST, dtype=np.uint8),
        )

    def take_in(self, shard: int, places: np.ndarray, rows: np.ndarray, ranks: np.ndarray) -> None:
        """Put down results of a shard that are at least as good as what stood there."""
        chosen = as_good(self.rank, places, ranks)
        at = places[chosen]
        self.shard[at] = shard
        self.row[at] = rows[chosen]
        self.rank[at] = ranks[chosen]


def as_good(held: np.ndarray, places: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Which of some results are at least as good as what is held, in the order in which to put them down.

    Parameters
    ----------
    held : np.ndarray of uint8, shape (n_requests,)
        Rank of the best result of each request so far.
    places : np.ndarray of int64, shape (n,)
        Which request each result answers.
    ranks : np.ndarray of uint8, shape (n,)
        How good each is; less is better.

    Returns
    -------
    np.ndarray of int64
        Places in `ranks`: of several results of one request the best comes last, and of equals the newest.
    """
    order = worst_first(ranks)
    better: np.ndarray = order[ranks[order] <= held[places[order]]]
    return better


def places_of(results: pa.Table, index: KeyIndex) -> tuple[np.ndarray, np.ndarray]:
    """Which requests some results answer, and by which of their rows.

    Parameters
    ----------
    results : pa.Table
        ``request_key`` and ``answers_key``.
    index : KeyIndex
        The distinct requests.

    Returns
    -------
    tuple of np.ndarray, shape (n,)
        Places in the index, and rows of `results` (int32). A re-ask with other parameters answers two
        requests, and a result of none of them is left out.
    """
    rows = pa.array(np.arange(len(results), dtype=np.int32))
    table = keyed(results.select(["request_key", "answers_key"]).append_column("row", rows))
    places = index.find(table["key"].combine_chunks())
    is_asked = places != ABSENT
    return places[is_asked], np.asarray(table["row"])[is_asked]
