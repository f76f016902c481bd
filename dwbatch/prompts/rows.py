"""What the rows of a frame ask for: a key and a size each, or the reason why there is no request."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa

from dwbatch.prompts.identity import KEY, count_occurrences, occurrence_keys


@dataclass(frozen=True, slots=True)
class Rows:
    """What every row of a frame asks for.

    Parameters
    ----------
    keys : pa.FixedSizeBinaryArray, shape (n_rows,)
        request_key of each row; null where it makes no request.
    body_sizes : np.ndarray of int64, shape (n_rows,)
        Bytes of each request body, 0 where there is none.
    skipped : pa.StringArray, shape (n_rows,)
        Error code of a row that makes no request; null where it does.
    occurrences : np.ndarray of int64, shape (n_rows,)
        How many equal requests stand before the row; all 0 under de-duplication.
    reasons : pa.StringArray, shape (n_rows,), optional
        Why a row makes no request, where its code does not say all.
    raised : Exception or None
        The first that the user's own code raised, for a row that makes no request.
    """

    keys: pa.Array
    body_sizes: np.ndarray
    skipped: pa.Array
    occurrences: np.ndarray
    reasons: pa.Array | None = None
    raised: Exception | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def part(self, here: slice) -> "Rows":
        """Some rows in a run."""
        start, stop, _ = here.indices(len(self))
        return replace(
            self,
            keys=self.keys[start:stop],
            body_sizes=self.body_sizes[here],
            skipped=self.skipped[start:stop],
            occurrences=self.occurrences[here],
            reasons=None if self.reasons is None else self.reasons[start:stop],
        )

    @classmethod
    def joined(cls, parts: "list[Rows]", *, dedupe: bool) -> "Rows":
        """Rows that were read apart, each part as if it were alone and its equal rows one request.

        Parameters
        ----------
        parts : list of Rows
            All of them with sizes of one width. They are taken out of the list, so that what they hold
            goes as soon as it is joined: both at once would be the most that a job ever needs.
        dedupe : bool
            Whether equal rows of all parts together are one request.
        """
        keys, sizes = [each.keys for each in parts], [each.body_sizes for each in parts]
        skipped, reasons = [each.skipped for each in parts], [each.reasons for each in parts]
        raised = next((each.raised for each in parts if each.raised is not None), None)
        parts.clear()
        body_sizes = np.concatenate(sizes or [np.zeros(0, dtype=np.int64)])
        sizes.clear()
        # The keys last: what they took as parts stays with Arrow, whatever is joined after them.
        every = pa.concat_arrays([*keys, pa.array([], KEY)])
        keys.clear()
        # Under de-duplication all are 0, and a view of one zero is enough.
        no_other = np.broadcast_to(np.zeros(1, dtype=np.int64), len(every))
        occurrences = no_other if dedupe else count_occurrences(every)
        return cls(
            keys=every if dedupe else occurrence_keys(every, occurrences),
            body_sizes=body_sizes,
            skipped=_joined_texts(skipped, len(every)),
            occurrences=occurrences,
            reasons=_joined_reasons(reasons, skipped),
            raised=raised,
        )


def no_texts(count: int) -> pa.Array:
    """So many nulls of type string, which take no memory: nobody ever writes on these pages of zeros."""
    return _zero_pages(count.bit_length()).slice(0, count)


@cache
def _zero_pages(bits: int) -> pa.Array:
    room = 2**bits
    validity, offsets = np.zeros(-(-room // 8), dtype=np.uint8), np.zeros(room + 1, dtype=np.int32)
    buffers = [pa.py_buffer(validity), pa.py_buffer(offsets), pa.py_buffer(b"")]
    return pa.Array.from_buffers(pa.string(), room, buffers, null_count=room)


def _joined_texts(parts: Sequence[pa.Array], count: int) -> pa.Array:
    if all(each.null_count == len(each) for each in parts):
        return no_texts(count)
    return pa.concat_arrays(parts)


def _joined_reasons(reasons: Sequence[pa.Array | None], beside: Sequence[pa.Array]) -> pa.Array | None:
    if all(each is None for each in reasons):
        return None
    pairs = zip(reasons, beside, strict=True)
    return pa.concat_arrays([no_texts(len(other)) if each is None else each for each, other in pairs])
