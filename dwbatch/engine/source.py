"""Where a shard's request lines come from: the frame, by content."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.errors import DwbatchError
from dwbatch.prompts.distinct import ABSENT
from dwbatch.prompts.requests import Lines, Recipe, write_lines
from dwbatch.prompts.rows import Rows
from dwbatch.prompts.values import Values


class SourceChangedError(DwbatchError):
    """A row makes another request than the one that was planned; nothing was sent for its shard.

    Parameters
    ----------
    custom_id : str
        Of the first such request.
    """

    def __init__(self, custom_id: str) -> None:
        super().__init__(custom_id)
        self.custom_id = custom_id

    def __str__(self) -> str:
        return (
            f"The row of {self.custom_id!r} is not what it was when its request was planned. Its shard was not "
            "sent. Run the same call again: it sends the row as it is now."
        )


def planned_positions(rows: Rows, requests: pa.Table) -> np.ndarray:
    """Where each request's row stands: where it was planned, else wherever its key is found.

    Parameters
    ----------
    rows : Rows
        As they are now; the plan may be of an earlier state, but a key means the same in any.
    requests : pa.Table
        ``custom_id``, ``request_key`` and ``position``.

    Returns
    -------
    np.ndarray of int64, shape (n_requests,)

    Raises
    ------
    SourceChangedError
        Naming the first request that no row makes any more.
    """
    keys = requests["request_key"].combine_chunks()
    planned = requests["position"].combine_chunks()
    inside = pc.if_else(pc.less(planned, len(rows)), planned, pa.scalar(None, pa.int64()))
    if keys.equals(rows.keys.take(inside)):
        return np.asarray(planned, dtype=np.int64)
    # The rows are looked for among the requests: the other way round, each shard would make a table of all rows.
    asked = np.asarray(pc.fill_null(pc.index_in(rows.keys, value_set=keys), ABSENT))
    askers = np.flatnonzero(asked != ABSENT)[::-1]
    found = np.full(len(keys), ABSENT, dtype=np.int64)
    # The last one put down is the first row of all that ask for the same.
    found[asked[askers]] = askers
    absent = np.flatnonzero(found == ABSENT)
    if len(absent):
        raise SourceChangedError(requests["custom_id"][int(absent[0])].as_py())
    return found


class Source(Protocol):
    """Whoever can write the lines of requests that were planned."""

    def lines(self, requests: pa.Table) -> Iterator[Lines]:
        """Lines of these requests, in this order, each with the key of what it says.

        Parameters
        ----------
        requests : pa.Table
            ``custom_id``, ``request_key`` and ``position`` when it was planned.
        """
        ...


@dataclass(frozen=True, slots=True)
class FrameSource:
    """A frame as the source of request lines.

    Parameters
    ----------
    columns : mapping of str to Values
    recipe : Recipe
    rows : Rows
        What each row asks for.
    """

    columns: Mapping[str, Values]
    recipe: Recipe
    rows: Rows

    def lines(self, requests: pa.Table) -> Iterator[Lines]:
        """Lines of these requests, wherever their rows stand in the frame now."""
        positions = planned_positions(self.rows, requests)
        yield from write_lines(
            self.columns,
            self.recipe,
            rows=positions,
            custom_ids=requests["custom_id"].combine_chunks().cast(pa.large_string()),
            occurrences=self.rows.occurrences[positions],
        )
