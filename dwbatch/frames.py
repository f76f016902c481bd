"""pandas at the border: cells to Arrow on the way in, answers to stable dtypes on the way out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.answers.structured.fields import Field
from dwbatch.errors import InputError
from dwbatch.prompts.values import Values
from dwbatch.typed import to_column


def as_frame(data: object, *, call: str) -> pd.DataFrame:
    """The frame of a call; a Series becomes one of its own name, or ``text`` if a template cannot say that.

    Raises
    ------
    InputError
        If it is no frame, or its columns cannot be told apart.
    """
    if isinstance(data, pd.Series):
        data = data.to_frame(data.name if isinstance(data.name, str) and data.name else "text")
    if not isinstance(data, pd.DataFrame):
        raise InputError.nothing_sent(
            f"{call}() takes a pandas DataFrame or Series; got {type(data).__name__!r}."
        )
    if isinstance(data.columns, pd.MultiIndex):
        raise InputError.nothing_sent(
            "The frame has columns of several levels; flatten them first, as in "
            "df.columns = ['_'.join(map(str, levels)) for levels in df.columns]."
        )
    repeated = [name for name, count in Counter(data.columns).items() if count > 1]
    if repeated:
        raise InputError.nothing_sent(
            f"The frame has several columns of the same name: {', '.join(map(repr, repeated))}. Rename them first."
        )
    return data


def column_names(frame: pd.DataFrame) -> list[str]:
    """Names that a template may use: columns and index levels; a column wins over a level."""
    # Of two levels of one name a template could not say which.
    levels = [name for name in frame.index.names if list(frame.index.names).count(name) == 1]
    return list(dict.fromkeys(name for name in [*frame.columns, *levels] if isinstance(name, str)))


def read_columns(frame: pd.DataFrame, names: Sequence[str]) -> dict[str, Values]:
    """The columns that templates name, as prompts see them."""
    return {name: values_of(_series(frame, name)) for name in names}


def _series(frame: pd.DataFrame, name: str) -> "pd.Series[Any]":
    if name in frame.columns:
        return frame[name]
    return frame.index.get_level_values(name).to_series(index=frame.index)


def values_of(series: "pd.Series[Any]") -> Values:
    """One column as Arrow where its type says all, else as objects; every kind of missing is one null.

    Objects that are not all texts stay objects: Arrow would give a mixed column one type, and a
    row added to it could then change how the others print.
    """
    if series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) not in {"string", "empty"}:
        return _objects(series)
    kind = pa.large_string() if series.dtype == object or isinstance(series.dtype, pd.StringDtype) else None
    try:
        converted = pa.array(series, type=kind, from_pandas=True)
    except (pa.ArrowException, UnicodeEncodeError, TypeError, ValueError):
        # A lone surrogate in one cell, or a type that Arrow does not know
        # (sparse, complex, an extension): value by value, then.
        return _objects(series)
    if isinstance(converted, pa.ChunkedArray):
        if pa.types.is_string(converted.type):
            converted = converted.cast(pa.large_string())
        converted = converted.combine_chunks()
    # What is behind an extension type (a period's ordinal) is not what it says.
    kinds = [converted.type, getattr(converted.type, "value_type", None)]
    return _objects(series) if any(isinstance(kind, pa.BaseExtensionType) for kind in kinds) else converted


def _objects(series: "pd.Series[Any]") -> list[object]:
    missing = series.isna().to_numpy()
    return [None if absent else value for value, absent in zip(series.tolist(), missing, strict=True)]


def refuse_collisions(frame: pd.DataFrame, names: Sequence[str], *, overwrite: bool) -> None:
    """Refuse to write over columns that are there, unless told.

    Raises
    ------
    InputError
        Naming all of them.
    """
    taken = [name for name in names if name in frame.columns]
    if taken and not overwrite:
        raise InputError.nothing_sent(
            f"The frame already has the column{'s' if len(taken) > 1 else ''} {', '.join(map(repr, taken))}. "
            "Give output= another name, or say overwrite=True."
        )


def with_answers(
    frame: pd.DataFrame, answers: Mapping[str, "pa.Array | tuple[Field, list[Any]]"]
) -> pd.DataFrame:
    """A new frame: the old columns untouched, the same index, and the answers in their dtypes."""
    out = frame.assign(**{name: _to_series(values, frame.index) for name, values in answers.items()})
    out.index = frame.index
    return out


def _to_series(values: "pa.Array | tuple[Field, list[Any]]", index: pd.Index) -> "pd.Series[Any]":
    if isinstance(values, tuple):
        field, cells = values
        return to_column(field, cells, index)
    return pd.Series(to_pandas(values), index=index)


def to_pandas(values: pa.Array) -> "pd.api.extensions.ExtensionArray | np.ndarray":
    """An answer column in the dtype that survives a trip through parquet; vectors as objects."""
    if pa.types.is_large_list(values.type):
        return _vectors(values)
    dtype: Any
    if pa.types.is_integer(values.type):
        dtype = pd.Int64Dtype()
    elif pa.types.is_floating(values.type):
        dtype = pd.Float64Dtype()
    elif pa.types.is_boolean(values.type):
        dtype = pd.BooleanDtype()
    else:
        dtype = pd.StringDtype()
    converted: pd.api.extensions.ExtensionArray = dtype.__from_arrow__(values)
    return converted


def _vectors(values: pa.Array) -> np.ndarray:
    """One numpy array a row, None where there is none."""
    # One copy for all: Arrow's own memory is read-only, and each row holds a part of this one alone.
    numbers = np.array(values.flatten())
    lengths = np.asarray(pc.fill_null(pc.list_value_length(values), 0), dtype=np.int64)
    held = np.full(len(values), None, dtype=object)
    places = np.flatnonzero(np.asarray(values.is_valid()))
    ends = np.cumsum(lengths[places])
    for place, start, end in zip(
        places.tolist(), (ends - lengths[places]).tolist(), ends.tolist(), strict=True
    ):
        held[place] = numbers[start:end]
    return held
