"""The results of a checkpoint, found for some rows at a time: what stays in memory is where each stands."""

from collections import OrderedDict
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.answers.pick import ranks_of
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import RESULTS
from dwbatch.checkpoint.shard import Shard
from dwbatch.engine.again import Judge, judged
from dwbatch.engine.gather import BATCH_ID, Gathered
from dwbatch.engine.lookup import KeyIndex
from dwbatch.engine.standing import NOWHERE, Standing, places_of

# Results files held at once: rows come in the order of their shards, and what
# stands far from there is a duplicate or was asked again.
HELD = 3

# Some twenty shards of the usual size.
COUNTED_AT_ONCE = 1_000_000


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
        return places_of(self._checkpoint.results(number, ["request_key", "answers_key"]), index)

    def _ranks(self, number: int, judge: Judge | None) -> np.ndarray:
        names = ["status"] if judge is None else ["status", "error_code", *judge.columns]
        table = self._checkpoint.results(number, names)
        if judge is not None:
            table = judged(table, judge)
        return ranks_of(table["status"])

    def of(self, places: np.ndarray) -> Gathered:
        """The results of some rows.

        Parameters
        ----------
        places : np.ndarray of int64, shape (n_rows,)
            The request of each row; -1 where it makes none.
        """
        numbers, rows = self.standing.shard[places], self.standing.row[places]
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
        # Request by request they come from a few shards at a time; every shard sought among all
        # requests would take as long as shards times requests.
        for start in range(0, len(self.standing.shard), COUNTED_AT_ONCE):
            here = slice(start, start + COUNTED_AT_ONCE)
            shards, rows = self.standing.shard[here], self.standing.row[here]
            for number in np.unique(shards[shards != NOWHERE]).tolist():
                table = self._checkpoint.results(number, ["prompt_tokens", "completion_tokens"])
                taken = pa.array(rows[shards == number])
                totals += [pc.sum(column.take(taken)).as_py() or 0 for column in table.columns]
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
