"""Which result belongs to which row: by key, never by place, and without a hash table of all keys."""

import numpy as np
import pyarrow as pa

from dwbatch.answers.pick import chosen, ranks_of
from dwbatch.engine.lookup import KeyIndex
from dwbatch.prompts.distinct import ABSENT, distinct


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
    keys = pa.concat_arrays([pa.array([], row_keys.type), *results["key"].chunks])
    first, codes = distinct(keys)
    if len(first) == len(keys) and keys.equals(row_keys):
        # As after most runs: each request once, in the order of the rows.
        return pa.array(first)
    best = chosen(codes, ranks_of(results["status"]), len(first) + 1)
    asking = np.flatnonzero(np.asarray(row_keys.is_valid()))
    # The last one in `best` is what a row gets whose key is nowhere.
    found = np.full(len(row_keys), ABSENT, dtype=np.int64)
    found[asking] = KeyIndex.of(keys.take(pa.array(first))).find(row_keys.take(pa.array(asking)))
    positions = best[found]
    return pa.array(positions, mask=positions == ABSENT)
