"""Shards: the cut of requests into files that the server accepts."""

from collections.abc import Sequence

import numpy as np

from dwbatch.errors import InputError


def cut(
    line_sizes: Sequence[int] | np.ndarray,
    *,
    max_requests: int = 50_000,
    max_bytes: int = 100_000_000,
    groups: Sequence[int] | np.ndarray | None = None,
) -> list[range]:
    """Cut requests into the fewest shards the server accepts, in order.

    Parameters
    ----------
    line_sizes : sequence of int, shape (n_requests,)
        Length of each request line, newline included, in bytes of UTF-8.
    max_requests : int
        Most requests in one shard.
    max_bytes : int
        Largest shard, in bytes.
    groups : sequence of int, shape (n_requests,), optional
        No shard holds requests of two groups; those of one stand together.

    Returns
    -------
    list of range
        Request positions of each shard. Joined in order they are ``range(n_requests)``.

    Raises
    ------
    InputError
        If one line alone is longer than `max_bytes`, the message naming the row; or
        if `max_requests` is not positive.

    Notes
    -----
    A server of this kind takes 100 MiB a file as installed; the hosted service publishes 50,000
    requests and 200 MB [1]_.

    .. [1] https://docs.doubleword.ai/inference-api/jsonl-files

    Examples
    --------
    >>> cut([40, 40, 40], max_bytes=100)
    [range(0, 2), range(2, 3)]
    >>> cut([40, 40, 40], groups=[1, 2, 2])
    [range(0, 1), range(1, 3)]
    """
    if max_requests < 1:
        raise InputError.nothing_sent(f"max_requests_per_batch={max_requests} leaves no room for a request.")
    sizes = np.asarray(line_sizes)
    too_large = np.flatnonzero(sizes > max_bytes)
    if len(too_large):
        first = int(too_large[0])
        raise InputError.nothing_sent(
            f"Row {first} makes a request of {int(sizes[first])} bytes, more than max_bytes_per_batch={max_bytes} allows."
        )
    # No more of the shortest fit: of millions of requests, sums are made for a shard's worth at a time.
    most = min(max_requests, max_bytes // max(1, int(sizes.min(initial=max_bytes))))
    borders = np.zeros(0, dtype=np.int64) if groups is None else np.flatnonzero(np.diff(groups)) + 1
    borders = np.append(borders, len(sizes))
    shards: list[range] = []
    start = 0
    while start < len(sizes):
        ends = np.cumsum(sizes[start : start + most], dtype=np.int64)
        by_bytes = start + int(np.searchsorted(ends, max_bytes, side="right"))
        by_group = int(borders[np.searchsorted(borders, start, side="right")])
        end = min(by_bytes, by_group)
        shards.append(range(start, end))
        start = end
    return shards
