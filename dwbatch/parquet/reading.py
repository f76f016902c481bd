"""A source read twice: once for every row's key, once more for the rows that a shard sends.

Between the two only keys and sizes stay in memory, twenty bytes a row, and the reasons why rows are skipped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from dwbatch.engine.source import planned_positions
from dwbatch.parquet.files import Block, Files
from dwbatch.prompts.requests import Lines, Recipe, read_rows, write_lines
from dwbatch.prompts.rows import Rows
from dwbatch.prompts.values import Values


@dataclass(frozen=True, slots=True)
class Contents:
    """What the rows of a source ask for, and where they stand.

    Parameters
    ----------
    blocks : tuple of Block
    starts : np.ndarray of int64, shape (n_blocks + 1,)
        Position of each block's first row in the source; the last is the number of rows.
    rows : Rows
        As for a frame.
    """

    blocks: tuple[Block, ...]
    starts: np.ndarray
    rows: Rows


def read_contents(
    files: Files, columns: Sequence[str], recipe: Recipe, *, dedupe: bool, max_bytes: int
) -> Contents:
    """Render every row of a source once, and keep its key.

    Parameters
    ----------
    files : Files
    columns : sequence of str
        What the recipe names.
    recipe : Recipe
    dedupe : bool
        Whether equal rows are one request.
    max_bytes : int
        Largest body; a longer one makes its row skipped.
    """
    blocks = tuple(files.blocks())
    parts: list[Rows] = []
    starts = [0]
    for block in blocks:
        count = 0
        for batch in files.read(block, columns):
            part = read_rows(
                to_values(batch), recipe, n_rows=batch.num_rows, dedupe=True, max_bytes=max_bytes
            )
            # Half as wide as the frame's: a body of two gigabytes is no request.
            parts.append(replace(part, body_sizes=part.body_sizes.astype(np.int32)))
            count += batch.num_rows
        starts.append(starts[-1] + count)
    rows = Rows.joined(parts, dedupe=dedupe)
    # What the blocks took stays with Arrow else, beside all that the call needs from here on.
    pa.default_memory_pool().release_unused()
    return Contents(blocks=blocks, starts=np.asarray(starts, dtype=np.int64), rows=rows)


@dataclass(frozen=True, slots=True)
class FilesSource:
    """Parquet files as the source of request lines.

    Parameters
    ----------
    files : Files
    contents : Contents
    columns : tuple of str
        What the recipe names.
    recipe : Recipe
    """

    files: Files
    contents: Contents
    columns: tuple[str, ...]
    recipe: Recipe

    def lines(self, requests: pa.Table) -> Iterator[Lines]:
        """Lines of these requests, wherever their rows stand in the files now."""
        positions = planned_positions(self.contents.rows, requests)
        order = np.unique(positions)
        yield from write_lines(
            self._read(order),
            self.recipe,
            rows=np.searchsorted(order, positions),
            custom_ids=requests["custom_id"].combine_chunks().cast(pa.large_string()),
            occurrences=self.contents.rows.occurrences[positions],
        )

    def _read(self, positions: np.ndarray) -> dict[str, Values]:
        """The rows at some ascending positions: as much as one shard says."""
        if not self.columns:
            # The same is said to every row, and no file has to be read for it.
            return {}
        starts = self.contents.starts
        schema = pa.schema([self.files.schema.field(name) for name in self.columns])
        found: list[pa.RecordBatch] = []
        for place, block in enumerate(self.contents.blocks):
            first, last = np.searchsorted(positions, starts[place : place + 2])
            if first == last:
                continue
            at = int(starts[place])
            for batch in self.files.read(block, self.columns):
                here = positions[slice(*np.searchsorted(positions, [at, at + batch.num_rows]))] - at
                if len(here):
                    found.append(batch.take(pa.array(here)).cast(schema))
                at += batch.num_rows
        table = pa.Table.from_batches(found, schema)
        return {name: _plain(table[name].combine_chunks()) for name in self.columns}


def to_values(batch: pa.RecordBatch) -> dict[str, Values]:
    """Columns of a batch as prompts see them."""
    return {name: _plain(batch.column(name)) for name in batch.schema.names}


def _plain(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.large_string())
    return values
