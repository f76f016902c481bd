"""Results of a checkpoint, aligned to the rows of a frame."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import KEY, RESULTS
from dwbatch.checkpoint.shard import Shard
from dwbatch.engine.again import Judge, judged
from dwbatch.engine.align import align
from dwbatch.engine.wanted import keyed

BATCH_ID = pa.field("batch_id", pa.string())


# Without slots: what is asked for every column is kept after the first.
@dataclass(frozen=True)
class Gathered:
    """Results and where each row finds its own.

    Parameters
    ----------
    results : pa.Table
        Columns of the results files, and ``batch_id``.
    positions : pa.Int64Array, shape (n_rows,)
        Row's place in `results`; null where it has no result.
    """

    results: pa.Table
    positions: pa.Array

    def column(self, name: str) -> pa.Array:
        """One column of the results, one value a row."""
        held = self.results[name]
        taken = held if self._is_whole else held.take(self.positions)
        return taken.combine_chunks() if isinstance(taken, pa.ChunkedArray) else taken

    @cached_property
    def _is_whole(self) -> bool:
        """Whether every row has the result that stands in its own place."""
        places = np.arange(len(self.results))
        return not self.positions.null_count and np.array_equal(self.positions, places)


def gather(
    checkpoint: Checkpoint,
    shards: Collection[Shard],
    keys: pa.Array,
    *,
    server: str,
    columns: Sequence[str],
    judge: Judge | None = None,
) -> Gathered:
    """Read what the checkpoint has for some rows.

    Parameters
    ----------
    checkpoint : Checkpoint
    shards : collection of Shard
        As they stand.
    keys : pa.FixedSizeBinaryArray, shape (n_rows,)
        request_key of each row; null where it makes none.
    server : str
        Only results of this server: an echo never stands in for a paid answer.
    columns : sequence of str
        Which columns of the results to read.
    judge : Judge, optional
        Holds answers to what was asked: among several results of a request, one that fits
        comes before one that does not.
    """
    judge_reads = judge.columns if judge else ()
    names = list(dict.fromkeys(["status", *columns, *judge_reads]))
    fields = [pa.field("key", KEY), BATCH_ID, *(RESULTS.field(name) for name in names)]
    pieces = [pa.schema(fields).empty_table()]
    for shard in sorted(shards, key=lambda shard: shard.number):
        if shard.server != server or not checkpoint.has_results(shard.number):
            continue
        table = checkpoint.results(shard.number, [*names, "request_key", "answers_key"])
        table = table.append_column(BATCH_ID, pa.repeat(pa.scalar(shard.batch_id, pa.string()), len(table)))
        pieces.append(keyed(table).select(pieces[0].column_names))
    results = pa.concat_tables(pieces)
    chosen = results
    if judge is not None and pc.count_distinct(results["key"]).as_py() < len(results):
        chosen = judged(results, judge)
    return Gathered(results, align(keys, chosen))
