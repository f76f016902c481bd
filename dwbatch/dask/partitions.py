"""Partitions of a Dask frame read twice: once for every row's key, once more for the rows that a shard sends.

Between the two only keys, sizes and reasons stay with the client, some sixty bytes a row; the
frame itself never comes to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import dask
import numpy as np
import pandas as pd
import pyarrow as pa

from dwbatch.engine.source import SourceChangedError, planned_positions
from dwbatch.frames import read_columns
from dwbatch.prompts.requests import Lines, Recipe, part, read_rows, write_lines
from dwbatch.prompts.rows import Rows
from dwbatch.prompts.values import Values, objects_of


class Sealed:
    """Something handed through a graph as it is: Dask looks into lists and dataclasses, and rebuilds them."""

    __slots__ = ("content",)

    def __init__(self, content: Any) -> None:
        self.content = content


@dataclass(frozen=True, slots=True)
class Read:
    """What the rows of one partition ask for.

    Parameters
    ----------
    rows : Rows
        As if every row were alone, so that equal rows have equal keys.
    columns : mapping of str to Values
        Those that custom_ids and the choice of a file need of all rows together.
    """

    rows: Rows
    columns: dict[str, Values]


@dataclass(frozen=True, slots=True)
class Contents:
    """What all rows of a Dask frame ask for, and where they stand.

    Parameters
    ----------
    starts : np.ndarray of int64, shape (n_partitions + 1,)
        Position of each partition's first row; the last is the number of rows.
    rows : Rows
        As for a frame of pandas.
    columns : mapping of str to Values
        As in `Read`, of all rows.
    """

    starts: np.ndarray
    rows: Rows
    columns: dict[str, Values]

    def of(self, place: int) -> slice:
        """The rows of a partition."""
        return slice(int(self.starts[place]), int(self.starts[place + 1]))


def read_partitions(
    parts: Sequence[Any],
    columns: Sequence[str],
    recipe: Recipe,
    *,
    dedupe: bool,
    max_bytes: int,
    kept: Sequence[str],
) -> Contents:
    """Render every row once, each partition where it is, and bring the keys together.

    Parameters
    ----------
    parts : sequence of Delayed
        One partition each.
    columns : sequence of str
        What the recipe names.
    recipe : Recipe
    dedupe : bool
        Whether equal rows are one request.
    max_bytes : int
        Largest body.
    kept : sequence of str
        Columns to bring to the client whole.

    Raises
    ------
    InputError
        If a value has no sensible text.
    """
    asked = Sealed((tuple(columns), recipe, max_bytes, tuple(kept)))
    read = dask.delayed(_read, pure=False)
    found: tuple[Read, ...] = dask.compute(*(read(each, asked) for each in parts))
    starts = np.concatenate([[0], np.cumsum([len(each.rows) for each in found])]).astype(np.int64)
    rows = Rows.joined([each.rows for each in found], dedupe=dedupe)
    return Contents(starts, rows, _joined_columns(found, kept))


def _read(frame: pd.DataFrame, asked: Sealed) -> Read:
    columns, recipe, max_bytes, kept = asked.content
    cells = read_columns(frame, columns)
    rows = read_rows(cells, recipe, n_rows=len(frame), dedupe=True, max_bytes=max_bytes)
    return Read(rows, {name: cells[name] for name in kept})


def _joined_columns(found: Sequence[Read], names: Sequence[str]) -> dict[str, Values]:
    # As objects: one partition may hold texts alone, and another a mixture.
    return {
        name: [value for each in found for value in objects_of(each.columns[name], name)] for name in names
    }


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one partition that a shard sends.

    Parameters
    ----------
    columns : mapping of str to Values
        Of the rows that were asked for, in their order.
    """

    columns: dict[str, Values]


def _cells(frame: pd.DataFrame, asked: Sealed) -> Cells:
    columns, rows = asked.content
    if len(rows) and rows[-1] >= len(frame):
        # The partition has fewer rows than it had: whatever is said of it now is not what was planned.
        rows = np.minimum(rows, len(frame) - 1)
    return Cells(part(read_columns(frame, columns), rows) if len(frame) else {name: [] for name in columns})


@dataclass(frozen=True, slots=True)
class Places:
    """Where the rows of a shard's requests stand.

    Parameters
    ----------
    partitions : np.ndarray of int64, shape (n_partitions_touched,)
        Which partitions, ascending.
    piece : np.ndarray of int64, shape (n_requests,)
        Place of each request's partition among those.
    rows : tuple of np.ndarray of int64
        Rows of each partition that are asked for, ascending.
    row : np.ndarray of int64, shape (n_requests,)
        Place of each request's row among the rows asked for of its partition.
    occurrences : np.ndarray of int64, shape (n_requests,)
    """

    partitions: np.ndarray
    piece: np.ndarray
    rows: tuple[np.ndarray, ...]
    row: np.ndarray
    occurrences: np.ndarray


@dataclass(frozen=True, slots=True)
class CellsSource:
    """Cells that are here as the source of request lines.

    Parameters
    ----------
    recipe : Recipe
    places : Places
    pieces : sequence of Cells
        One for each partition of `places`.
    """

    recipe: Recipe
    places: Places
    pieces: Sequence[Cells]

    def lines(self, requests: pa.Table) -> Iterator[Lines]:
        """Lines of the very requests that `places` was made for."""
        custom_ids = requests["custom_id"].combine_chunks().cast(pa.large_string())
        piece = self.places.piece
        bounds = np.flatnonzero(np.diff(piece, prepend=-1, append=-1))
        for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            cells = self.pieces[int(piece[start])]
            if not all(len(values) for values in cells.columns.values()):
                raise SourceChangedError(custom_ids[start].as_py())
            yield from write_lines(
                cells.columns,
                self.recipe,
                rows=self.places.row[start:stop],
                custom_ids=custom_ids.slice(start, stop - start),
                occurrences=self.places.occurrences[start:stop],
            )


@dataclass(frozen=True, slots=True)
class PartitionsSource:
    """A Dask frame as the source of request lines.

    Parameters
    ----------
    parts : sequence of Delayed
        One partition each.
    contents : Contents
    columns : tuple of str
        What the recipe names.
    recipe : Recipe
    """

    parts: Sequence[Any]
    contents: Contents
    columns: tuple[str, ...]
    recipe: Recipe

    def lines(self, requests: pa.Table) -> Iterator[Lines]:
        """Lines of these requests, wherever their rows stand in the partitions now."""
        places = self.places(requests)
        yield from CellsSource(self.recipe, places, dask.compute(*self.pieces(places))).lines(requests)

    def pieces(self, places: Places) -> list[Any]:
        """The cells of each partition of `places`, to be computed."""
        cells = dask.delayed(_cells, pure=False)
        return [
            cells(self.parts[partition], Sealed((self.columns, rows)))
            for partition, rows in zip(places.partitions.tolist(), places.rows, strict=True)
        ]

    def places(self, requests: pa.Table) -> Places:
        """Where each request's row stands: where it was planned, else wherever its key is found.

        Raises
        ------
        SourceChangedError
            If no row asks for one of them.
        """
        positions = planned_positions(self.contents.rows, requests)
        starts = self.contents.starts
        partition = np.searchsorted(starts, positions, side="right") - 1
        partitions, piece = np.unique(partition, return_inverse=True)
        local = positions - starts[partition]
        rows = [np.unique(local[piece == place]) for place in range(len(partitions))]
        row = np.zeros(len(positions), dtype=np.int64)
        for place, held in enumerate(rows):
            row[piece == place] = np.searchsorted(held, local[piece == place])
        return Places(partitions, piece, tuple(rows), row, self.contents.rows.occurrences[positions])


def parts_of(frame: Any, columns: Sequence[str]) -> tuple[Any, ...]:
    """The partitions of a Dask frame with these columns and the index, to be computed."""
    named = [name for name in frame.columns if name in set(columns)]
    return tuple(frame[named].to_delayed())
