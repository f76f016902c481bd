"""Which result belongs to which row: by key, never by place."""

import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.answers.pick import best_positions


def align(row_keys: pa.FixedSizeBinaryArray, results: pa.Table) -> pa.Int64Array:
    """Position of each row's result.

    Parameters
    ----------
    row_keys : pyarrow.FixedSizeBinaryArray, 16 bytes, shape (n_rows,)
        The answers_key of each row; null for a row that made no request. Rows with
        equal keys share a result.
    results : pyarrow.Table
        At least ``key`` (16 bytes) and ``status``, in any order, older results first.
        Where a key has several results the best stands, see `dwbatch.answers.pick.best`.

    Returns
    -------
    pyarrow.Int64Array, shape (n_rows,)
        Positions in `results`; null where there is none.
    """
    positions = best_positions(results, "key")
    keys = results["key"].combine_chunks().take(positions)
    return positions.take(pc.index_in(row_keys, value_set=keys))
