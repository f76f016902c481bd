"""Requests cut into files as a run would cut them, before anything of them is recorded."""

from dataclasses import dataclass

import numpy as np

from dwbatch.call import Call, line_sizes
from dwbatch.engine.wanted import Wanted
from dwbatch.prompts.shards import cut


@dataclass(frozen=True, slots=True)
class Cut:
    """Requests and the files they would go into.

    Parameters
    ----------
    requests : Wanted
        Those that fit into a file at all, those of one file together.
    sizes : np.ndarray of int64, shape (n,)
        Bytes of each line.
    files : list of range
        Places in `requests` of each file.
    """

    requests: Wanted
    sizes: np.ndarray
    files: list[range]


def cut_up(call: Call, requests: Wanted) -> Cut:
    """Cut some requests of a call by both of its limits."""
    together = requests.grouped(call.groups)
    sizes = line_sizes(call, together)
    fits = sizes <= call.options.max_bytes_per_batch
    together, sizes = together.only(fits), sizes[fits]
    files = cut(
        sizes,
        max_requests=call.options.max_requests_per_batch,
        max_bytes=call.options.max_bytes_per_batch,
        groups=None if call.groups is None else call.groups[together.positions],
    )
    return Cut(together, sizes, files)
