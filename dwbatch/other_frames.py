"""Frames of other libraries, through Arrow: the requests of pandas, and the same kind of frame back.

Polars and DuckDB are never imported here: a frame of theirs shows that its user
has done that.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from dwbatch.arrow import to_arrow
from dwbatch.call import Call, naming_of
from dwbatch.checkpoint.schemas import RESULTS
from dwbatch.engine.gather import BATCH_ID, Gathered
from dwbatch.errors import InputError, RowsFailedError
from dwbatch.frames import as_frame
from dwbatch.outcome import answer_columns


class ArrowStream(Protocol):
    """Whatever speaks the Arrow PyCapsule interface: Polars, DuckDB, pyarrow and others."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The stream's capsule."""
        ...


class Partitions(Protocol):
    """A frame in partitions: Dask's."""

    @property
    def npartitions(self) -> int:
        """How many there are."""
        ...

    def to_delayed(self) -> Any:
        """Each of them, to be computed."""
        ...


AnyFrame: TypeAlias = "pd.DataFrame | pd.Series[str] | ArrowStream | Partitions"


def own_door(frame: object) -> Any:
    """The accessor of a frame of Dask, which has calls of its own; None for any other frame.

    Raises
    ------
    InputError
        If nobody has given it the accessor yet.
    """
    if not _is_of("dask", frame):
        return None
    door = getattr(frame, "doubleword", None)
    if door is None:
        raise InputError.nothing_sent(
            "A Dask frame has its calls once its door is imported: import dwbatch.dask (pip install 'dwbatch[dask]')."
        )
    return door


def emptied(given: Any) -> dict[str, Any]:
    """Keywords for another call; `given` is empty afterwards, so that no traceback shows the key in it."""
    keywords = dict(given)
    given.clear()
    return keywords


def in_kind(
    frame: object,
    prepared: Callable[[pd.DataFrame], Call],
    carried: Callable[[Call], pd.DataFrame],
    *,
    call: str,
) -> Any:
    """A frame of the same kind with its answers.

    Parameters
    ----------
    frame : DataFrame, Series, or any frame that speaks Arrow
    prepared : callable
        Makes a call of a frame of pandas.
    carried : callable
        Carries that call out, and gives the frame with its answers.
    call : str
        Name of the call, for the messages.

    Raises
    ------
    InputError
        If the frame cannot be read.
    RowsFailedError
        Whose frame is of that kind too.
    """
    if isinstance(frame, pd.DataFrame | pd.Series) or not _speaks_arrow(frame):
        return carried(prepared(as_frame(frame, call=call)))
    held = _Held.read(frame, call=call)
    asked = prepared(as_frame(held.view(), call=call))
    try:
        out = carried(asked)
    except RowsFailedError as error:
        error.frame = held.with_answers(_as_arrow(error.frame, asked))
        raise
    return held.with_answers(_as_arrow(out, asked))


def in_pandas(frame: object, *, call: str) -> pd.DataFrame:
    """Any frame as one of pandas, for a call that gives back none of its kind.

    Raises
    ------
    InputError
        If the frame cannot be read.
    """
    if isinstance(frame, pd.DataFrame | pd.Series) or not _speaks_arrow(frame):
        return as_frame(frame, call=call)
    return as_frame(_Held.read(frame, call=call).view(), call=call)


def _speaks_arrow(frame: object) -> bool:
    return hasattr(frame, "__arrow_c_stream__") or hasattr(frame, "__arrow_c_array__")


@dataclass(frozen=True, slots=True)
class _Held:
    """A frame of another library, read once."""

    given: Any
    table: pa.Table

    @classmethod
    def read(cls, frame: Any, *, call: str) -> Self:
        try:
            # One column alone, a Polars Series or a ChunkedArray, is no table.
            is_column = isinstance(frame, pa.Array | pa.ChunkedArray) or _is_of("polars", frame, "Series")
            if is_column:
                name = getattr(frame, "name", None) or "text"
                return cls(frame, pa.table({name: pa.chunked_array(frame)}))
            return cls(frame, pa.table(frame))
        except (pa.ArrowException, TypeError, ValueError) as error:
            named = _unreadable(frame)
            raise InputError.nothing_sent(
                f"{call}() cannot read this {type(frame).__name__} as Arrow ({error}). Cast or drop "
                f"{', '.join(map(repr, named)) or 'the column'} first."
            ) from error

    def view(self) -> pd.DataFrame:
        """The frame as pandas sees it, on the same memory."""
        columns = [_column(self.table.column(place)) for place in range(self.table.num_columns)]
        frame = pd.DataFrame(dict(enumerate(columns)), index=pd.RangeIndex(len(self.table)))
        return frame.set_axis(pd.Index(self.table.column_names, dtype=object), axis="columns")

    def with_answers(self, answers: Mapping[str, pa.Array]) -> Any:
        """The frame of its own kind: its columns as they were, and the answers."""
        if _is_of("polars", self.given, "DataFrame"):
            return self.given.with_columns(
                sys.modules["polars"].from_arrow(pa.table(dict(answers))).get_columns()
            )
        answered = self.table
        for name, values in answers.items():
            place = answered.schema.get_field_index(name)
            answered = (
                answered.append_column(name, values)
                if place < 0
                else answered.set_column(place, name, values)
            )
        if _is_of("duckdb", self.given):
            # On the relation's own connection, so that it joins what stands there; DuckDB finds the
            # table by the name of the variable.
            return self.given.query("the_relation", "SELECT * FROM answered")
        if isinstance(self.given, pa.RecordBatch):
            return pa.RecordBatch.from_arrays(
                [_combined(column) for column in answered.columns], schema=answered.schema
            )
        if isinstance(self.given, pa.RecordBatchReader):
            return answered.to_reader()
        if _is_of("polars", self.given):
            return sys.modules["polars"].from_arrow(answered)
        return answered


def _unreadable(frame: Any) -> list[str]:
    """Columns of a Polars frame that Arrow has no type for; others do not tell."""
    if not _is_of("polars", frame, "DataFrame"):
        return []
    named = []
    for column in frame.get_columns():
        try:
            pa.chunked_array(column)
        except (pa.ArrowException, TypeError, ValueError):
            named.append(column.name)
    return named


def _is_of(library: str, frame: object, name: str = "") -> bool:
    kind = type(frame)
    return kind.__module__.partition(".")[0].lstrip("_") == library and name in {"", kind.__name__}


def _combined(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _column(column: pa.ChunkedArray) -> pd.api.extensions.ExtensionArray:
    kind = column.type
    if pa.types.is_dictionary(kind) and _plain(kind.value_type) != kind.value_type:
        # The categories of Polars; Arrow casts no dictionary to another.
        plain = _plain(kind.value_type)
        pieces = [
            pa.DictionaryArray.from_arrays(piece.indices, piece.dictionary.cast(plain))
            for piece in column.chunks
        ]
        column = pa.chunked_array(pieces, pa.dictionary(kind.index_type, plain))
    elif _plain(kind) != kind:
        column = column.cast(_plain(kind))
    return pd.arrays.ArrowExtensionArray(column)


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without views, which half of Arrow's functions do not know yet."""
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type)) for field in kind])
    if pa.types.is_large_list(kind):
        return pa.large_list(kind.value_field.with_type(_plain(kind.value_type)))
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_plain(kind.value_type)))
    return kind


def _as_arrow(out: pd.DataFrame, call: Call) -> dict[str, pa.Array]:
    """The answer columns of a frame, of types that the call alone decides."""
    return {name: _values(out[name], kind) for name, kind in _types(call).items()}


def _types(call: Call) -> dict[str, pa.DataType]:
    naming = naming_of(call.options, call.asking)
    results = pa.schema([*RESULTS, BATCH_ID]).empty_table()
    none = Gathered(results, pa.array([], pa.int64()))
    kinds = [
        to_arrow(values).type for values in answer_columns(naming, call.rows.part(slice(0)), none).values()
    ]
    namings = [naming] if call.lineup is None else call.lineup.namings(naming)
    return {name: kind for each in namings for name, kind in zip(each.all(), kinds, strict=True)}


def _values(series: "pd.Series[Any]", kind: pa.DataType) -> pa.Array:
    if series.dtype == object:
        return pa.array(series.tolist(), kind)
    if pa.types.is_dictionary(kind):
        categories = pa.array(series.cat.categories.tolist(), kind.value_type)
        codes = np.asarray(series.cat.codes)
        return pa.DictionaryArray.from_arrays(pa.array(codes, kind.index_type, mask=codes < 0), categories)
    found = pa.array(series, from_pandas=True).cast(kind)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
