"""Equal keys found among millions, by sorting them: a hash table of ten million takes most of a gigabyte."""

import numpy as np
import pyarrow as pa

KEY_BYTES = 16
ABSENT = -1


def halves_of(keys: pa.Array) -> np.ndarray:
    """Keys as pairs of numbers, not copied.

    Parameters
    ----------
    keys : pa.FixedSizeBinaryArray, shape (n,), 16 bytes each

    Returns
    -------
    np.ndarray of uint64, shape (n, 2)
        Of a null it says whatever stands there.
    """
    held = np.frombuffer(keys.buffers()[1] or b"", dtype=np.uint64)
    words = KEY_BYTES // held.itemsize
    return held[keys.offset * words : (keys.offset + len(keys)) * words].reshape(-1, words)


def distinct(keys: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The first of each distinct key, and which of them every key is.

    Parameters
    ----------
    keys : pa.FixedSizeBinaryArray, shape (n,), 16 bytes each

    Returns
    -------
    first : np.ndarray of int64, shape (n_distinct,)
        Positions, ascending.
    codes : np.ndarray of int64, shape (n,)
        Place of each key in `first`; -1 for a null.

    Examples
    --------
    >>> a, b = b"a" * 16, b"b" * 16
    >>> first, codes = distinct(pa.array([b, None, a, b], pa.binary(16)))
    >>> first.tolist(), codes.tolist()
    ([0, 2], [0, -1, 1, 0])
    """
    halves = halves_of(keys)
    if not keys.null_count:
        return _distinct(halves)
    valid = np.flatnonzero(np.asarray(keys.is_valid()))
    first, valid_codes = _distinct(halves[valid])
    codes = np.full(len(keys), ABSENT, dtype=np.int64)
    codes[valid] = valid_codes
    return valid[first], codes


def _distinct(halves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ascending = np.sort(halves[:, 0])
    if not (ascending[1:] == ascending[:-1]).any():
        # As nearly always: no two keys share even a half.
        every = np.arange(len(halves))
        return every, every
    del ascending
    # Stable, so the first row of each run of equal keys is the first there is.
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (halves[order[1:]] != halves[order[:-1]]).any(axis=1)
    first = order[is_new]
    numbers = np.empty(len(first), dtype=np.int64)
    numbers[np.argsort(first)] = np.arange(len(first))
    codes = np.empty(len(order), dtype=np.int64)
    codes[order] = numbers[np.cumsum(is_new) - 1]
    return np.sort(first), codes
