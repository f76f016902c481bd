"""Which rows that are not ok are sent again, by this call, once."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.columns import ErrorCode, Kind, Status

# Another try may go better with nothing changed.
_TRANSIENT_CODES = frozenset(
    {
        ErrorCode.BATCH_FAILED.value,
        ErrorCode.NETWORK_ERROR.value,
        ErrorCode.TIMEOUT.value,
        ErrorCode.INSUFFICIENT_CREDITS.value,
        "http_408",
        "http_429",
        "http_499",
    }
)

# Somebody has to do something first, so these wait for the next call.
_NEXT_CALL = frozenset({ErrorCode.INSUFFICIENT_CREDITS.value, ErrorCode.BATCH_CANCELLED.value})

_OF_STATUS = {
    Status.EXPIRED.value: Kind.TRANSIENT,
    Status.INVALID.value: Kind.INVALID,
    Status.TRUNCATED.value: Kind.TRUNCATED,
    Status.MISSING.value: Kind.MISSING,
    Status.CANCELLED.value: Kind.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Judge:
    """Holds answers to what the caller asked for.

    Parameters
    ----------
    columns : tuple of str
        Columns of the results that it reads.
    codes : callable
        Takes results that are ok, and gives an error code for each that does not fit.
    """

    columns: tuple[str, ...]
    codes: Callable[[pa.Table], pa.Array]


def judged(results: pa.Table, judge: Judge) -> pa.Table:
    """Results as the caller sees them: ok ones that do not fit are invalid.

    Parameters
    ----------
    results : pa.Table
        ``status``, ``error_code`` and what the judge reads.
    judge : Judge
    """
    is_ok = pc.equal(results["status"], Status.OK.value)
    places = np.flatnonzero(np.asarray(is_ok, dtype=bool))
    found = judge.codes(results.select(judge.columns).take(pa.array(places)))
    codes = pc.replace_with_mask(pa.nulls(len(results), pa.string()), is_ok.combine_chunks(), found)
    status = pc.if_else(pc.is_valid(codes), Status.INVALID.value, results["status"])
    for name, column in (("status", status), ("error_code", pc.coalesce(codes, results["error_code"]))):
        results = results.set_column(results.schema.get_field_index(name), name, column)
    return results


def kind_of(status: str, error_code: str | None) -> Kind | None:
    """Kind of a result; None for one that is final whatever is asked (ok, filtered).

    Examples
    --------
    >>> kind_of("failed", "http_503"), kind_of("failed", "http_400"), kind_of("ok", None)
    (<Kind.TRANSIENT: 'transient'>, <Kind.FAILED: 'failed'>, None)
    """
    if status != Status.FAILED.value:
        return _OF_STATUS.get(status)
    code = error_code or ""
    return Kind.TRANSIENT if code in _TRANSIENT_CODES or code.startswith("http_5") else Kind.FAILED


def is_owed(results: pa.Table, kinds: Collection[Kind], *, is_fresh: np.ndarray | None = None) -> np.ndarray:
    """Which results are to be asked for again.

    Parameters
    ----------
    results : pa.Table
        ``status`` and ``error_code``.
    kinds : collection of Kind
        What the caller wants sent again.
    is_fresh : np.ndarray of bool, shape (n,), optional
        Results that came in during this call: those that somebody has to mend first, a
        lack of money or a cancel, are not asked for again by the same call.

    Returns
    -------
    np.ndarray of bool, shape (n,)
    """
    if not kinds or not len(results):
        return np.zeros(len(results), dtype=bool)
    # A handful of pairs, whatever the number of results.
    pairs = pc.binary_join_element_wise(
        results["status"].cast(pa.string()), pc.fill_null(results["error_code"], ""), "|"
    )
    owed: list[str] = []
    later: list[str] = []
    for pair in pc.unique(pairs).to_pylist():
        status, _, code = pair.partition("|")
        if kind_of(status, code or None) in kinds:
            (later if code in _NEXT_CALL else owed).append(pair)
    now = np.asarray(pc.is_in(pairs, value_set=pa.array(owed, pa.string())))
    waits = np.asarray(pc.is_in(pairs, value_set=pa.array(later, pa.string())))
    chosen: np.ndarray = now | (waits if is_fresh is None else waits & ~is_fresh)
    return chosen
