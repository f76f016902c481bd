"""The distinct requests of a frame, and what a checkpoint already has of them."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard
from dwbatch.errors import InputError
from dwbatch.prompts.distinct import distinct
from dwbatch.prompts.identity import KEY
from dwbatch.prompts.rows import Rows

# Rows are counted in four bytes, here and wherever answers find back to them; their keys alone take 34 GB.
MOST_ROWS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """The distinct requests of a frame, in the order of their first rows.

    Parameters
    ----------
    keys : pa.FixedSizeBinaryArray, shape (n,)
    positions : np.ndarray of int32, shape (n,)
        First row of each.
    """

    keys: pa.Array
    positions: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    def part(self, here: range) -> "Wanted":
        """Some in a run."""
        return Wanted(self.keys.slice(here.start, len(here)), self.positions[here.start : here.stop])

    def only(self, mask: np.ndarray) -> "Wanted":
        """Those where the mask is true."""
        if mask.all():
            # Of a first call all: a copy of ten million would be a quarter of a gigabyte.
            return self
        return Wanted(self.keys.filter(pa.array(mask)), self.positions[mask])

    def grouped(self, groups: np.ndarray | None) -> "Wanted":
        """The same, those of one group together; `groups` has a number for each row of the frame."""
        if groups is None:
            return self
        order = np.argsort(groups[self.positions], kind="stable")
        return Wanted(self.keys.take(pa.array(order)), self.positions[order])


def wanted(rows: Rows) -> Wanted:
    """Distinct requests of some rows.

    Raises
    ------
    InputError
        If there are more than `MOST_ROWS`.
    """
    if len(rows) > MOST_ROWS:
        raise InputError.nothing_sent(
            f"{len(rows):,} rows are too many for one call, which takes at most {MOST_ROWS:,}. "
            "Give it a part of them at a time, each with a checkpoint of its own."
        )
    first, _ = distinct(rows.keys)
    keys = rows.keys if len(first) == len(rows) else rows.keys.take(pa.array(first))
    return Wanted(keys, first.astype(np.int32))


def is_in(keys: pa.Array, values: pa.Array) -> np.ndarray:
    """Which keys are among others."""
    return np.asarray(pc.is_in(keys, value_set=values))


def keys_of(checkpoint: Checkpoint, shard: Shard) -> pa.Array:
    """Every key that a shard's results may answer."""
    table = checkpoint.requests(shard.number, ["request_key", "answers_key"])
    asked, answered = table["request_key"].combine_chunks(), table["answers_key"].combine_chunks()
    # Of nearly every shard they are the same.
    return asked if asked.equals(answered) else pa.concat_arrays([asked, answered])


def keyed(table: pa.Table) -> pa.Table:
    """Results with a column ``key`` in front: the row each was asked for.

    A re-ask with other parameters answers the original row, and its own request as well.
    """
    asked_anew = table.filter(pc.not_equal(table["request_key"], table["answers_key"]))
    rows = [(table, "answers_key"), (asked_anew, "request_key")]
    return pa.concat_tables([part.add_column(0, pa.field("key", KEY), part[name]) for part, name in rows])
