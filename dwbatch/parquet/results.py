"""The results of a checkpoint, found for some rows at a time: what stays in memory is where each stands."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import RESULTS
from dwbatch.checkpoint.shard import Shard
from dwbatch.columns import STATUS_RANK
from dwbatch.engine.again import Judge, judged
from dwbatch.engine.gather import BATCH_ID, Gathered
from dwbatch.engine.lookup import KeyIndex
from dwbatch.engine.wanted import keyed

# Results files held at once: rows come in the order of their shards, and what
# stands far from there is a duplicate or was asked again.
HELD = 3
NOWHERE = -1
WORST = 255
_RANKS = {str(status): rank for status, rank in STATUS_RANK.items()}


@dataclass(slots=True)
class Standing:
    """Where the best result of each request stands.

    Parameters
    ----------
    shard : np.ndarray of int32, shape (n_requests,)
        Number of its shard; -1 where there is none.
    row : np.ndarray of int32, shape (n_requests,)
        Its row in that shard's results.
    rank : np.ndarray of uint8, shape (n_requests,)
        How good it is; less is better.
    """

    shard: np.ndarray
    row: np.ndarray
    rank: np.ndarray

    @classmethod
    def nowhere(cls, count: int) -> "Standing":
        """No request has a result yet."""
        return cls(
            np.full(count, NOWHERE, dtype=np.int32),
            np.zeros(count, dtype=np.int32),
            np.full(count, WORST, dtype=np.uint8),
        )

    def take_in(self, shard: int, places: np.ndarray, rows: np.ndarray, ranks: np.ndarray) -> None:
        """Put down results of a shard that are at least as good as what stood there."""
        # Of several of one request in this shard the best comes last, and of equals the later one.
        order = np.argsort(-ranks.astype(np.int16), kind="stable")
        places, rows, ranks = places[order], rows[order], ranks[order]
        better = ranks <= self.rank[places]
        places = places[better]
        self.shard[places] = shard
        self.row[places] = rows[better]
        self.rank[places] = ranks[better]


class Results:
    """What a checkpoint has for the requests of a source.

    Parameters
    ----------
    checkpoint : Checkpoint
    shards : collection of Shard
        As they stand.
    index : KeyIndex
        The distinct requests.
    server : str
        Only results of this server.
    columns : sequence of str
        Which columns of the results to read.
    judge : callable, optional
        Holds answers to a response format where a request has several.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        shards: Collection[Shard],
        index: KeyIndex,
        *,
        server: str,
        columns: Sequence[str],
        judge: Judge | None = None,
    ) -> None:
        self._checkpoint = checkpoint
        self._columns = list(dict.fromkeys(columns))
        self._held: OrderedDict[int, pa.Table] = OrderedDict()
        self._batch_ids = {shard.number: shard.batch_id for shard in shards}
        numbers = sorted(
            shard.number
            for shard in shards
            if shard.server == server and checkpoint.has_results(shard.number)
        )
        self.standing = self._stand(numbers, index, judge)

    def _stand(self, numbers: Sequence[int], index: KeyIndex, judge: Judge | None) -> Standing:
        count = len(index.order)
        seen = np.zeros(count, dtype=np.uint8)
        if judge is not None:
            for number in numbers:
                places, _ = self._places(number, index)
                seen[places] = np.minimum(seen[places], 1) + 1
        standing = Standing.nowhere(count)
        for number in numbers:
            places, rows = self._places(number, index)
            contested = judge is not None and bool((seen[places] > 1).any())
            standing.take_in(number, places, rows, self._ranks(number, judge if contested else None)[rows])
        return standing

    def _places(self, number: int, index: KeyIndex) -> tuple[np.ndarray, np.ndarray]:
        """Which requests a shard's results answer, and by which of its rows."""
        table = self._checkpoint.results(number, ["request_key", "answers_key"])
        table = keyed(table.append_column("row", pa.array(np.arange(len(table), dtype=np.int32))))
        places = index.find(table["key"].combine_chunks())
        is_asked = places >= 0
        return places[is_asked], np.asarray(table["row"])[is_asked]

    def _ranks(self, number: int, judge: Judge | None) -> np.ndarray:
        names = ["status"] if judge is None else ["status", "error_code", *judge.columns]
        table = self._checkpoint.results(number, names)
        if judge is not None:
            table = judged(table, judge)
        encoded = table["status"].combine_chunks().dictionary_encode()
        ranks = [_RANKS.get(status, WORST - 1) for status in encoded.dictionary.to_pylist()]
        held: np.ndarray = np.asarray(ranks or [WORST], dtype=np.uint8)[np.asarray(encoded.indices)]
        return held

    def of(self, places: np.ndarray) -> Gathered:
        """The results of some rows.

        Parameters
        ----------
        places : np.ndarray of int64, shape (n_rows,)
            The request of each row; -1 where it makes none.
        """
        # One place more stands for the rows that make no request.
        numbers = np.append(self.standing.shard, NOWHERE)[places]
        rows = np.append(self.standing.row, 0)[places]
        positions = np.full(len(places), NOWHERE, dtype=np.int64)
        pieces, start = [self._empty()], 0
        for number in np.unique(numbers[numbers != NOWHERE]).tolist():
            here = numbers == number
            distinct, inverse = np.unique(rows[here], return_inverse=True)
            pieces.append(self._table(number).take(pa.array(distinct)))
            positions[here] = start + inverse
            start += len(distinct)
        return Gathered(pa.concat_tables(pieces), pa.array(positions, mask=positions == NOWHERE))

    def tokens(self) -> tuple[int, int]:
        """Prompt and completion tokens of the requests that have a result."""
        totals = np.zeros(2, dtype=np.int64)
        for number in np.unique(self.standing.shard[self.standing.shard != NOWHERE]).tolist():
            rows = pa.array(self.standing.row[self.standing.shard == number])
            table = self._checkpoint.results(number, ["prompt_tokens", "completion_tokens"])
            totals += [pc.sum(column.take(rows)).as_py() or 0 for column in table.columns]
        return int(totals[0]), int(totals[1])

    def _table(self, number: int) -> pa.Table:
        table = self._held.pop(number, None)
        if table is None:
            read = self._checkpoint.results(number, self._columns)
            batch_id = pa.scalar(self._batch_ids[number], pa.string())
            table = read.append_column(BATCH_ID, pa.repeat(batch_id, len(read)))
        self._held[number] = table
        if len(self._held) > HELD:
            self._held.popitem(last=False)
        return table

    def _empty(self) -> pa.Table:
        return pa.schema([*(RESULTS.field(name) for name in self._columns), BATCH_ID]).empty_table()
