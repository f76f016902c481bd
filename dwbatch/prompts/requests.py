"""Rows to requests: every row's key, what makes none, and the lines of any rows asked for.

Two passes keep memory bounded: the first renders slab by slab and keeps only
keys and sizes; the second renders again just the rows that a shard sends, and
hashes each line once more, so that what is sent is what was planned.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.columns import ErrorCode
from dwbatch.prompts.encode import LARGE, Encoded, Skeleton, encode, join
from dwbatch.prompts.escape import escape
from dwbatch.prompts.identity import occurrence_keys, request_keys
from dwbatch.prompts.made import make
from dwbatch.prompts.rows import Rows
from dwbatch.prompts.values import Values

# What a slab needs at every step fits the caches of a core: eight times as much takes twice as long for long texts.
SLAB_ROWS = 16_384
SLAB_BYTES = 2_000_000
SAMPLED_CELLS = 64


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes a request out of a row.

    Parameters
    ----------
    endpoint : str
        Path the requests are sent to.
    body : Skeleton
        The request body.
    edition : str
        The user's word that makes the same request a new purchase.
    null_as_empty : bool
        Print a missing value as empty text instead of skipping its row.
    """

    endpoint: str
    body: Skeleton
    edition: str = ""
    null_as_empty: bool = False


def read_rows(
    columns: Mapping[str, Values], recipe: Recipe, *, n_rows: int, dedupe: bool, max_bytes: int
) -> Rows:
    """Render every row once and keep its key and size.

    Parameters
    ----------
    columns : mapping of str to Values
        The columns that the recipe names.
    recipe : Recipe
    n_rows : int
    dedupe : bool
        Whether equal rows are one request.
    max_bytes : int
        Largest body; a longer one makes its row skipped with ``request_too_large``.

    Raises
    ------
    InputError
        If a value has no sensible text.
    """
    alone = np.zeros(1, dtype=np.int64)
    parts: list[Rows] = []
    for _, encoded in _encode(columns, recipe, np.arange(n_rows)):
        bodies = encoded.bodies
        lengths = np.asarray(pc.fill_null(pc.binary_length(bodies), 0), dtype=np.int64)
        bodies, skipped = _without_too_large(bodies, encoded.skipped, lengths > max_bytes)
        parts.append(
            Rows(
                keys=request_keys(bodies, endpoint=recipe.endpoint, edition=recipe.edition),
                body_sizes=np.where(np.asarray(bodies.is_null()), 0, lengths),
                skipped=skipped,
                occurrences=np.broadcast_to(alone, len(bodies)),
                # As nearly always; four bytes a row are kept for nothing else.
                reasons=None if encoded.reasons.null_count == len(bodies) else encoded.reasons,
                raised=encoded.raised,
            )
        )
    return Rows.joined(parts, dedupe=dedupe)


def _without_too_large(
    bodies: pa.Array, skipped: pa.Array, too_large: np.ndarray
) -> tuple[pa.Array, pa.Array]:
    if not too_large.any():
        return bodies, skipped
    mask = pa.array(too_large)
    code = pa.scalar(ErrorCode.REQUEST_TOO_LARGE.value, pa.string())
    return pc.if_else(mask, pa.scalar(None, LARGE), bodies), pc.if_else(mask, code, skipped)


@dataclass(frozen=True, slots=True)
class Lines:
    """Request lines of some rows, and the keys of what they really say.

    Parameters
    ----------
    texts : pa.LargeStringArray, shape (n,)
        One JSON object each, with its newline.
    keys : pa.FixedSizeBinaryArray, shape (n,)
        request_key of each, hashed from the line's own body.
    """

    texts: pa.Array
    keys: pa.Array

    @property
    def payload(self) -> memoryview:
        """The lines' bytes, as they stand in the file."""
        _, offsets, texts = self.texts.buffers()
        places = np.frombuffer(offsets, dtype=np.int64)
        begin, end = places[self.texts.offset], places[self.texts.offset + len(self.texts)]
        return memoryview(texts if texts is not None else b"")[begin:end]


def write_lines(
    columns: Mapping[str, Values],
    recipe: Recipe,
    *,
    rows: np.ndarray,
    custom_ids: pa.Array,
    occurrences: np.ndarray,
) -> Iterator[Lines]:
    """Request lines of the rows asked for, slab by slab, in that order.

    Parameters
    ----------
    columns : mapping of str to Values
        The whole columns.
    recipe : Recipe
    rows : np.ndarray of int32 or int64, shape (n,)
        Positions to write.
    custom_ids : pa.LargeStringArray, shape (n,)
    occurrences : np.ndarray of int64, shape (n,)
        Occurrence number of each row, from `Rows`.
    """
    front, middle, back = _around(recipe.endpoint)
    for start, encoded in _encode(columns, recipe, rows):
        ids = escape(custom_ids.slice(start, len(encoded)))
        fragments = [*encoded.fragments, back]
        fragments[0] = front + fragments[0]
        fragments[-2] += middle
        texts = join(fragments, [*encoded.fillings, ids], n_rows=len(encoded))
        keys = request_keys(
            texts,
            endpoint=recipe.endpoint,
            edition=recipe.edition,
            before=len(front.encode()),
            after=len((middle + back).encode()) + np.asarray(pc.binary_length(ids)),
        )
        yield Lines(texts=texts, keys=occurrence_keys(keys, occurrences[start : start + len(encoded)]))


def _around(endpoint: str) -> tuple[str, str, str]:
    """What stands in a request line before its body, before its custom_id, and behind them."""
    return '{"body":', ',"custom_id":"', f'","method":"POST","url":"{endpoint}"}}\n'


def line_overhead(endpoint: str) -> int:
    """Bytes of a request line beside its body and custom_id, newline included."""
    return len("".join(_around(endpoint)).encode())


def _encode(columns: Mapping[str, Values], recipe: Recipe, rows: np.ndarray) -> Iterator[tuple[int, Encoded]]:
    """Bodies of some rows, slab by slab, each with the place of its first row among `rows`."""
    made = recipe.body.made
    for start, stop in slabs(columns, len(rows)):
        these, count = part(columns, rows[start:stop]), stop - start
        for piece in make(made, these, n_rows=count) if made else [None]:
            begin, end = (piece.start, piece.stop) if piece else (0, count)
            yield (
                start + begin,
                encode(
                    recipe.body,
                    these if end - begin == count else part(these, np.arange(begin, end)),
                    n_rows=end - begin,
                    null_as_empty=recipe.null_as_empty,
                    piece=piece,
                ),
            )


def part(columns: Mapping[str, Values], rows: np.ndarray) -> dict[str, Values]:
    """Some rows of every column."""
    contiguous = (
        len(rows) > 0 and int(rows[-1]) - int(rows[0]) == len(rows) - 1 and bool((np.diff(rows) == 1).all())
    )
    return {name: _rows_of(values, rows, contiguous=contiguous) for name, values in columns.items()}


def _rows_of(values: Values, rows: np.ndarray, *, contiguous: bool) -> Values:
    if isinstance(values, pa.Array):
        return values.slice(int(rows[0]), len(rows)) if contiguous else values.take(pa.array(rows))
    return [values[position] for position in rows.tolist()]


def slabs(columns: Mapping[str, Values], n_rows: int) -> Iterator[tuple[int, int]]:
    """Cut rows into slabs of bounded size, so that long cells do not fill the memory."""
    width = sum(_width(values) for values in columns.values())
    step = max(1, min(SLAB_ROWS, int(SLAB_BYTES / max(width, 1.0))))
    for start in range(0, n_rows, step):
        yield start, min(start + step, n_rows)


def _width(values: Values) -> float:
    """Bytes of a cell, roughly."""
    if isinstance(values, pa.Array):
        return float(values.nbytes / max(len(values), 1))
    # Objects do not know their size; a few of them, spread evenly, stand for all.
    seen = [len(str(values[place])) for place in range(0, len(values), len(values) // SAMPLED_CELLS + 1)]
    return sum(seen) / max(len(seen), 1)
