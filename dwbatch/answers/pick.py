"""Among several results for one request, the best; and for every request, exactly one."""

import logging

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.answers.failures import UNANSWERED, Failure
from dwbatch.columns import STATUS_RANK, ErrorCode, Status

logger = logging.getLogger(__name__)

_RANKED = pa.array([str(status) for status in sorted(STATUS_RANK, key=STATUS_RANK.__getitem__)])

NOWHERE = -1

# More rows than any table has, and room above them for the ranks.
_AGE_BITS = 48

#: What the server's last word on a batch means for the requests without a line.
_ENDINGS: dict[str, ErrorCode] = {
    "cancelled": ErrorCode.BATCH_CANCELLED,
    "cancelling": ErrorCode.BATCH_CANCELLED,
    "expired": ErrorCode.BATCH_EXPIRED,
    "failed": ErrorCode.BATCH_FAILED,
}


def best(results: pa.Table, by: str) -> pa.Table:
    """The best result of each value of a column.

    Best is the first of ok, truncated, filtered, invalid, failed, expired, cancelled,
    missing (`dwbatch.columns.STATUS_RANK`); among equals the newest, which is the last.

    Parameters
    ----------
    results : pyarrow.Table
        At least `by` and ``status``; older results first.
    by : str
        Column of strings or of fixed-size binary; rows where it is null are left out.

    Returns
    -------
    pyarrow.Table
        One row a distinct value, in the order in which the chosen rows stand.
    """
    return results.take(_best_positions(results, by))


def _best_positions(results: pa.Table, by: str) -> pa.Int64Array:
    rank = pa.array(ranks_of(results["status"]), pa.int64())
    age = pa.array(np.arange(len(results))[::-1])
    # One number orders by rank, then by age, so that one hash aggregation makes
    # the whole choice.
    score = pc.bit_wise_or(pc.shift_left(rank, _AGE_BITS), age)
    scored = pa.table({"by": results[by], "score": score}).filter(pc.is_valid(results[by]))
    least = scored.group_by("by").aggregate([("score", "min")])["score_min"].combine_chunks()
    positions = pc.subtract(len(results) - 1, pc.bit_wise_and(least, 2**_AGE_BITS - 1))
    return positions.take(pc.sort_indices(positions))


def ranks_of(status: pa.ChunkedArray) -> np.ndarray:
    """How good each of some results is, by its status: uint8, less is better; a word of a later version is last."""
    ranks = pc.fill_null(pc.index_in(status, value_set=_RANKED), len(_RANKED))
    return np.asarray(ranks).astype(np.uint8)


def worst_first(ranks: np.ndarray) -> np.ndarray:
    """An order in which the last one put down is the best, and of equals the newest; int64."""
    return np.argsort(~ranks, kind="stable")


def settle(lines: pa.Table, custom_ids: pa.Array, *, batch_status: str) -> pa.Table:
    """Exactly one result a request of a batch that is over, in the order of the requests.

    Parameters
    ----------
    lines : pyarrow.Table
        Lines of both result files, schema `dwbatch.answers.results.LINES`.
    custom_ids : pyarrow.Array of string
        The batch's requests.
    batch_status : str
        The server's last word on the batch.

    Returns
    -------
    pyarrow.Table
        Schema of `lines`. A request without a line is cancelled (or about to be), expired
        or failed if the batch is, else missing. Lines of other requests are left out, and
        their number is logged.
    """
    custom_ids = custom_ids.cast(pa.string())
    named = lines["custom_id"]
    places = np.asarray(pc.fill_null(pc.index_in(named, value_set=custom_ids), NOWHERE))
    unnamed, unplaced = named.null_count, int((places == NOWHERE).sum())
    if unplaced:
        strangers = pc.count_distinct(named.filter(pa.array(places == NOWHERE)), mode="only_valid").as_py()
        logger.warning("%d result lines name no request, %d name one of another batch", unnamed, strangers)
    positions = chosen(places, ranks_of(lines["status"]), len(custom_ids))
    if len(positions) == len(lines) and (positions == np.arange(len(lines))).all():
        return lines
    is_missing = positions == NOWHERE
    found = lines.take(pa.array(positions, mask=is_missing))
    return _fill(found, custom_ids, _unanswered(batch_status, unnamed)) if is_missing.any() else found


def chosen(places: np.ndarray, ranks: np.ndarray, count: int) -> np.ndarray:
    """Position of the best result of each request, the newest of equals; -1 where there is none.

    Parameters
    ----------
    places : np.ndarray of int64, shape (n,)
        Which request each result answers; -1 for none.
    ranks : np.ndarray of uint8, shape (n,)
        How good each is; less is better.
    count : int
        Requests.
    """
    best_so_far = np.full(count, NOWHERE, dtype=np.int64)
    order = worst_first(ranks)
    order = order[places[order] != NOWHERE]
    best_so_far[places[order]] = order
    return best_so_far


def _unanswered(batch_status: str, unnamed: int) -> Failure:
    unanswered = UNANSWERED[_ENDINGS.get(batch_status, ErrorCode.NO_RESULT_LINE)]
    if unanswered.status is not Status.MISSING or not unnamed:
        return unanswered
    lines = "1 line of its files names" if unnamed == 1 else f"{unnamed:,} lines of its files name"
    return unanswered._replace(sentence=f"{unanswered.sentence} {lines} no request that could be read.")


def _fill(found: pa.Table, custom_ids: pa.Array, unanswered: Failure) -> pa.Table:
    """`found` with the rows that are null said to be `unanswered`."""
    is_found = pc.is_valid(found["custom_id"])
    filling = {
        "custom_id": custom_ids,
        "status": unanswered.status.value,
        "error_code": str(unanswered.code),
        "error": unanswered.sentence,
    }
    for name, value in filling.items():
        field = found.schema.field(name)
        column = pc.if_else(is_found, found[name], value)
        found = found.set_column(found.schema.get_field_index(name), field, column)
    return found
