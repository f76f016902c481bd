"""Among several results for one request, the best; and for every request, exactly one."""

import logging

import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.columns import STATUS_RANK, ErrorCode, Status

logger = logging.getLogger(__name__)

_RANKED = pa.array([str(status) for status in sorted(STATUS_RANK, key=STATUS_RANK.__getitem__)])

_UNANSWERED: dict[str, tuple[Status, ErrorCode, str]] = {
    "cancelled": (
        Status.CANCELLED,
        ErrorCode.BATCH_CANCELLED,
        "The batch was cancelled before this request was answered.",
    ),
    "expired": (
        Status.EXPIRED,
        ErrorCode.BATCH_EXPIRED,
        "The batch expired before this request was answered.",
    ),
    "failed": (Status.FAILED, ErrorCode.BATCH_FAILED, "The batch failed before this request was answered."),
}
_UNANSWERED["cancelling"] = _UNANSWERED["cancelled"]
_MISSING = (
    Status.MISSING,
    ErrorCode.NO_RESULT_LINE,
    "The batch is over and has no result line for this request.",
)


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
    return results.take(best_positions(results, by))


def best_positions(results: pa.Table, by: str) -> pa.Int64Array:
    """Positions of the rows that `best` takes, ascending."""
    count = len(results)
    rank = pc.fill_null(pc.index_in(results["status"], value_set=_RANKED), len(_RANKED)).cast(pa.int64())
    age = pa.array(range(count - 1, -1, -1), pa.int64())
    # One number orders by rank, then by age, so that one hash aggregation does
    # the whole choice.
    score = pc.add(pc.multiply(rank, count), age)
    scored = pa.table({"by": results[by], "score": score}).filter(pc.is_valid(results[by]))
    least = scored.group_by("by").aggregate([("score", "min")])["score_min"].combine_chunks()
    age = pc.subtract(least, pc.multiply(pc.divide(least, max(count, 1)), count))
    positions = pc.subtract(count - 1, age)
    return positions.take(pc.sort_indices(positions))


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
        Schema and columns of `lines`. A request without a line is cancelled, expired or
        failed if the batch is, else missing.
    """
    known = pc.is_in(lines["custom_id"], value_set=custom_ids)
    unread = lines["custom_id"].null_count
    foreign = len(lines) - unread - (pc.sum(known).as_py() or 0)
    if unread or foreign:
        logger.warning("%d result lines name no request, %d name a request of another batch", unread, foreign)
    chosen = best(lines.filter(known), "custom_id")
    found = chosen.take(pc.index_in(custom_ids, value_set=chosen["custom_id"]))
    is_answered = pc.is_valid(found["custom_id"])
    status, code, sentence = _UNANSWERED.get(batch_status, _MISSING)
    if status is Status.MISSING and unread:
        sentence = f"{sentence} {_count_unread(unread)}"
    filled = {"custom_id": custom_ids, "status": status.value, "error_code": code.value, "error": sentence}
    for name, value in filled.items():
        at = found.schema.get_field_index(name)
        column = pc.if_else(is_answered, found[name], value)
        found = found.set_column(at, found.schema.field(at), column)
    return found


def _count_unread(unread: int) -> str:
    if unread == 1:
        return "1 line of its files could not be read."
    return f"{unread:,} lines of its files could not be read."
