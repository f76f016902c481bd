"""Structured answers in pandas: one stable dtype a field, whatever the answers were."""

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd

from dwbatch.answers.structured.fields import Field, Shape

_NULLABLE: dict[Shape, Any] = {
    Shape.TEXT: "string",
    Shape.INTEGER: "Int64",
    Shape.NUMBER: "Float64",
    Shape.TRUTH: "boolean",
}
# Int64 and pandas' own int64 end here; what is beyond cannot be a column of integers.
MOST_INTEGER = 2**63 - 1


def fits_column(field: Field, value: Any) -> str | None:
    """Why a value that fits the schema cannot stand in its column; None where it can."""
    if field.shape is Shape.INTEGER and value is not None and abs(value) > MOST_INTEGER:
        return f"at $.{field.name}: {value} is beyond the 64 bits of a column of integers"
    if field.shape in {Shape.MOMENT, Shape.DAY} and value is not None and _moment(value) is None:
        return f"at $.{field.name}: {value!r} is no {'date' if field.shape is Shape.DAY else 'time'}"
    return None


def to_column(field: Field, values: list[Any], index: pd.Index) -> "pd.Series[Any]":
    """A column of answers.

    Parameters
    ----------
    field : Field
    values : list
        JSON values, None where there is none.
    index : pd.Index
        The frame's own.

    Returns
    -------
    Series
        ``string``, ``Int64``, ``Float64``, ``boolean``; ``category`` with every category of the format;
        timestamps in UTC (a time without an offset is taken as UTC) and dates as timestamps without
        one; lists as objects, so that ``explode`` works; anything nested as JSON text. The dtype is the
        same if every row failed, and survives parquet, save that lists come back as arrays.
    """
    match field.shape:
        case Shape.CATEGORY:
            return pd.Series(pd.Categorical(values, categories=list(field.categories)), index=index)
        case Shape.MOMENT:
            moments = _moments(values)
            return pd.Series(moments.as_unit("us"), index=index)
        case Shape.DAY:
            days = _moments(values).tz_localize(None)
            return pd.Series(days.as_unit("us"), index=index)
        case Shape.LIST:
            held = np.empty(len(values), dtype=object)
            held[:] = values
            return pd.Series(held, index=index)
        case Shape.JSON:
            texts = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
            return pd.Series(pd.array(texts, dtype=_NULLABLE[Shape.TEXT]), index=index)
    if field.shape is Shape.INTEGER:
        # A schema takes 3.0 for an integer.
        values = [None if value is None else int(value) for value in values]
    return pd.Series(pd.array(values, dtype=_NULLABLE[field.shape]), index=index)


def _moments(values: list[Any]) -> pd.DatetimeIndex:
    # NaT rather than None, so that a column without any moment has the same dtype.
    found = [pd.NaT if (moment := _moment(value)) is None else moment for value in values]
    return pd.DatetimeIndex(pd.Series(found, dtype="datetime64[us, UTC]"))


def _moment(value: Any) -> dt.datetime | None:
    if value is None:
        return None
    try:
        found = dt.datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
