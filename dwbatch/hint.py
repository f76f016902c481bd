"""A note on the frame that a call returns: where its answers are kept, for whoever holds the frame later.

The note is a courtesy. pandas loses it in many operations, and nothing breaks without it.
"""

from pathlib import Path
from typing import TypedDict

import pandas as pd
import pyarrow.compute as pc

from dwbatch import __version__

NAME = "dwbatch"


class Hint(TypedDict):
    """What ``frame.attrs["dwbatch"][output]`` says; plain JSON, so that parquet keeps it."""

    checkpoint: str | None
    recipe: str
    counts: dict[str, int]
    version: str


def with_hint(
    out: pd.DataFrame, output: str, *, checkpoint: Path | None, recipe: str, statuses: object
) -> pd.DataFrame:
    """The same frame with a note about one output beside those of earlier calls.

    Parameters
    ----------
    out : DataFrame
    output : str
        Name of the answer column.
    checkpoint : Path or None
        None where the folder was a temporary one.
    recipe : str
        Hash of the recipe.
    statuses : pa.StringArray, shape (n_rows,)
    """
    told = Hint(
        checkpoint=None if checkpoint is None else str(checkpoint),
        recipe=recipe,
        counts={found["values"]: found["counts"] for found in pc.value_counts(statuses).to_pylist()},
        version=__version__,
    )
    # A new dict: the frame that was handed in keeps its own.
    out.attrs[NAME] = {**hints(out), output: told}
    return out


def hints(frame: pd.DataFrame) -> dict[str, Hint]:
    """The notes on a frame, by output; none where pandas lost them or somebody else wrote there."""
    found = frame.attrs.get(NAME)
    return dict(found) if isinstance(found, dict) else {}
