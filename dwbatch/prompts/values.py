"""Cell values to text, by the value alone.

A value's text never depends on its column or its neighbours: if one row more
could change how the others print, that row would buy them all again. So an
integer prints alike in an integer column and in the float column that a null
made of it, a timestamp alike at every resolution, a dict alike before and
after parquet.
"""

import datetime as dt
import decimal
import enum
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.errors import InputError
from dwbatch.prompts.template import Slot

# Above 2**53 a float no longer tells neighbouring integers apart.
EXACT_FLOAT = 2**53

# A column as prompts see it: Arrow where the type says all, else the objects
# themselves with None for every kind of missing.
Values: TypeAlias = "pa.Array | Sequence[object]"

CONVERSIONS: dict[str, Callable[[object], str]] = {"r": repr, "s": str, "a": ascii}


@dataclass(frozen=True, slots=True)
class Rendered:
    """The texts of one slot.

    Parameters
    ----------
    texts : pa.LargeStringArray, shape (n_rows,)
        Null where the value is missing, or cannot be expressed in UTF-8.
    unencodable : np.ndarray of bool, shape (n_rows,)
        Rows whose text holds a lone surrogate.
    """

    texts: pa.Array
    unencodable: np.ndarray


def render(values: Values, slot: Slot) -> Rendered:
    """Print one column into one slot.

    Raises
    ------
    InputError
        If a value has no sensible text (bytes, an object without one), or the
        format spec does not fit it.
    """
    plain = slot.conversion is None and not slot.spec
    if isinstance(values, pa.Array):
        if plain and (fast := _render_arrow(values)) is not None:
            return Rendered(fast, np.zeros(len(values), dtype=bool))
        # Equal values print alike, so each distinct one is printed once.
        encoded = _dictionary(values)
        rendered = _render_objects(encoded.dictionary.to_pylist(), slot)
        indices = encoded.indices
        unencodable = _take_flags(rendered.unencodable, indices)
        return Rendered(rendered.texts.take(indices), unencodable)
    return _render_objects(values, slot)


def _render_arrow(values: pa.Array) -> pa.Array | None:
    kind = values.type
    if pa.types.is_large_string(kind):
        return values
    if (
        pa.types.is_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_null(kind)
        or _is_string_view(kind)
    ):
        return values.cast(pa.large_string())
    if pa.types.is_boolean(kind):
        return pc.if_else(values, pa.scalar("True", pa.large_string()), pa.scalar("False", pa.large_string()))
    return None


def _is_string_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(kind))


def _dictionary(values: pa.Array) -> pa.DictionaryArray:
    if isinstance(values, pa.DictionaryArray):
        return values
    if pa.types.is_nested(values.type):
        # Arrow has no hash of nested values; every row stands for itself.
        positions = pa.array(np.arange(len(values)), mask=np.asarray(values.is_null()))
        return pa.DictionaryArray.from_arrays(positions, values)
    return values.dictionary_encode()


def _take_flags(flags: np.ndarray, indices: pa.Array) -> np.ndarray:
    if not flags.any():
        return np.zeros(len(indices), dtype=bool)
    return np.asarray(pc.fill_null(pa.array(flags).take(indices), fill_value=False))


def _render_objects(values: Sequence[object], slot: Slot) -> Rendered:
    unencodable = np.zeros(len(values), dtype=bool)
    texts: list[str | None] = []
    for position, value in enumerate(values):
        rendered = slot_text(value, slot)
        if rendered is not None and not _is_encodable(rendered):
            unencodable[position] = True
            rendered = None
        texts.append(rendered)
    return Rendered(pa.array(texts, type=pa.large_string()), unencodable)


def _is_encodable(rendered: str) -> bool:
    if rendered.isascii():
        return True
    try:
        rendered.encode()
    except UnicodeEncodeError:
        return False
    return True


def slot_text(value: object, slot: Slot) -> str | None:
    """Text of one value in one slot; None where the value is missing.

    Raises
    ------
    InputError
        If the value has no sensible text, or the format spec does not fit it.
    """
    value = normal(value)
    if value is None:
        return None
    if slot.conversion is None and not slot.spec:
        return text(value, column=slot.name)
    converted = CONVERSIONS[slot.conversion](value) if slot.conversion else value
    try:
        return format(converted, slot.spec)
    except (ValueError, TypeError) as error:
        raise InputError.nothing_sent(
            f"Column {slot.name!r} holds {value!r}, which the format spec {slot.spec!r} does not fit: {error}."
        ) from error


def normal(value: object) -> object:
    """The value in its one form: numpy scalars unwrapped, integral floats as integers, missing as None.

    Examples
    --------
    >>> normal(3.0), normal(float("nan")), normal(0.5)
    (3, None, 0.5)
    """
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, enum.Enum) and not isinstance(value, str | int):
        return normal(value.value)
    if isinstance(value, np.floating) and not isinstance(value, float):
        # Through the text: float32's 0.1 is 0.1 to its owner, not 0.10000000149.
        value = float(str(value))
    elif isinstance(value, np.generic) and not isinstance(value, str | float):
        value = value.item()
    if isinstance(value, float):
        value = float(value)
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() and abs(value) < EXACT_FLOAT else value
    if isinstance(value, decimal.Decimal) and value.is_nan():
        return None
    # datetime.timedelta and pandas' own print differently.
    return pd.Timedelta(value) if isinstance(value, dt.timedelta) else value


def text(value: object, *, column: str) -> str:
    """Text of a normal value.

    Parameters
    ----------
    value : object
        As `normal` returns it, not None.
    column : str
        For the error message.

    Raises
    ------
    InputError
        If the value has no sensible text.

    Examples
    --------
    >>> text(dt.datetime(2026, 1, 2), column="when")
    '2026-01-02'
    >>> text({"b": 1.0, "a": None}, column="cell")
    '{"b": 1}'
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | int | float):
        return repr(value) if type(value) in {bool, int, float} else str(value)
    if isinstance(value, dt.datetime):
        return _timestamp_text(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return _decimal_text(value)
    if isinstance(value, Mapping | list | tuple | set | frozenset | np.ndarray):
        return json.dumps(_json(value, column), ensure_ascii=False)
    if isinstance(value, bytes | bytearray | memoryview):
        raise InputError.nothing_sent(
            f"Column {column!r} holds bytes, which have no text of their own; decode them first, "
            f"as in df[{column!r}].str.decode('utf-8')."
        )
    if type(value).__str__ is object.__str__ and type(value).__repr__ is object.__repr__:
        raise InputError.nothing_sent(
            f"Column {column!r} holds objects of type {type(value).__name__!r}, which have no text of their own; "
            "make a column of strings first."
        )
    return str(value)


def _timestamp_text(value: dt.datetime) -> str:
    nanosecond = getattr(value, "nanosecond", 0)
    fraction = f"{value.microsecond * 1000 + nanosecond:09d}".rstrip("0")
    # A date column becomes timestamps in many a file format and back; a naive
    # midnight is a date. With an offset it is a moment, and is kept whole.
    if value.tzinfo is None and not fraction and (value.hour, value.minute, value.second) == (0, 0, 0):
        return value.strftime("%Y-%m-%d") if value.year >= 1000 else value.date().isoformat()  # noqa: PLR2004
    moment = value.replace(microsecond=0, tzinfo=None)
    whole = dt.datetime(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)  # noqa: DTZ001
    offset = dt.datetime.isoformat(value.replace(microsecond=0), sep=" ")[19:] if value.tzinfo else ""
    return f"{whole.isoformat(sep=' ')}{'.' + fraction if fraction else ''}{offset}"


def _decimal_text(value: decimal.Decimal) -> str:
    # Arrow gives a whole column one scale, so trailing zeros say nothing about the value.
    if not value.is_finite():
        return str(value)
    plain = f"{value:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _json(value: object, column: str) -> object:
    value = normal(value)
    if isinstance(value, np.ndarray):
        return [_json(cell, column) for cell in value.tolist()]
    if isinstance(value, list | tuple):
        return [_json(cell, column) for cell in value]
    if isinstance(value, set | frozenset):
        return sorted((_json(cell, column) for cell in value), key=repr)
    if isinstance(value, Mapping):
        # Parquet stores dicts as structs: keys take one order and absent ones
        # come back as null. Sorted and without nulls both sides print alike.
        pairs = ((str(key), _json(cell, column)) for key, cell in value.items())
        return dict(sorted((key, cell) for key, cell in pairs if cell is not None))
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return text(value, column=column)
