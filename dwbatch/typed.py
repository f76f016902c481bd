"""Structured answers in pandas: one stable dtype a field, whatever the answers were."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dwbatch.answers.structured.fields import Field, Shape

_DTYPES: dict[Shape, Any] = {
    Shape.TEXT: "string",
    Shape.JSON: "string",
    Shape.INTEGER: "Int64",
    Shape.NUMBER: "Float64",
    Shape.TRUTH: "boolean",
    # Microseconds reach every year that a date can name; nanoseconds end in 2262.
    Shape.MOMENT: "datetime64[us, UTC]",
    Shape.DAY: "datetime64[us]",
}


def to_column(field: Field, values: Sequence[Any], index: pd.Index) -> "pd.Series[Any]":
    """A column of answers, in a dtype that only the format decides.

    Parameters
    ----------
    field : Field
    values : sequence, shape (n_rows,)
        What `dwbatch.answers.structured.cells.cell` makes; None where there is none.
    index : pd.Index
        The frame's own.

    Returns
    -------
    Series
        ``string``, ``Int64``, ``Float64`` or ``boolean``; ``category`` for a choice among texts, with
        every category of the format; ``datetime64[us, UTC]`` for times, ``datetime64[us]`` for
        dates; ``object`` for lists, so that ``explode`` works. Objects, and values of several
        kinds, are JSON text, in a column as in a list.

    Notes
    -----
    Every dtype survives parquet through pandas, with two exceptions that are pandas' own: lists
    come back as numpy arrays, and the categories of a frame without rows are lost.
    """
    if field.shape is Shape.CATEGORY:
        return pd.Series(pd.Categorical(list(values), categories=list(field.categories)), index=index)
    if field.shape is Shape.LIST:
        # Not from a list of lists: numpy makes a matrix of those that are equally long.
        held = np.fromiter((_listed(value) for value in values), dtype=object, count=len(values))
        return pd.Series(held, index=index)
    column: pd.Series[Any] = pd.Series(list(values), index=index, dtype=_DTYPES[field.shape])
    return column


def _listed(value: Any) -> Any:
    """A list of the row's own, so that changing it in one row changes no other."""
    return [_listed(one) for one in value] if isinstance(value, tuple) else value
