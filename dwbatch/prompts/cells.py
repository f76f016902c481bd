"""The text of one cell, by its value alone.

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
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from dwbatch.errors import InputError

# Above 2**53 a float no longer tells neighbouring integers apart.
EXACT_FLOAT = 2**53

LISTS = (Sequence, AbstractSet, np.ndarray, pd.Series, pd.Index, ExtensionArray)

# The text of an object, a function, a generator that has none of its own: the
# address differs in every process, so every run would buy the row again.
ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+>")


def normal(value: object) -> object:
    """The value in its one form: plain Python where there is one, missing as None.

    Numpy scalars and enum members are unwrapped, integral floats below 2**53 become
    integers, decimals lose their trailing zeros.

    Examples
    --------
    >>> normal(3.0), normal(float("nan")), normal(0.5)
    (3, None, 0.5)
    """
    if isinstance(value, enum.Enum):
        return normal(value.value)
    value = _unwrapped(value)
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() and abs(value) < EXACT_FLOAT else value
    if isinstance(value, decimal.Decimal):
        return None if value.is_nan() else _normal_decimal(value)
    # datetime.timedelta and pandas' own print differently.
    return pd.Timedelta(value) if isinstance(value, dt.timedelta) else value


def _unwrapped(value: object) -> object:
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    # item() would make bare integers of nanoseconds.
    if isinstance(value, np.datetime64):
        return pd.Timestamp(value)
    if isinstance(value, np.timedelta64):
        return pd.Timedelta(value)
    if isinstance(value, np.floating) and not isinstance(value, float):
        # Through the text: float32's 0.1 is 0.1 to its owner, not 0.10000000149.
        return float(str(value))
    if isinstance(value, np.generic) and not isinstance(value, str | float):
        return value.item()
    return value


def _normal_decimal(value: decimal.Decimal) -> decimal.Decimal:
    # Arrow gives a whole column one scale and knows no negative zero, so neither says anything
    # about the value. Not Decimal.normalize(): it rounds to the context's precision.
    if not value.is_finite():
        return value
    plain = f"{value:f}" if value else "0"
    return decimal.Decimal(plain.rstrip("0").rstrip(".") if "." in plain else plain)


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
        If the value has no sensible text: bytes, or an object that prints as its address.

    Examples
    --------
    >>> text(dt.datetime(2026, 1, 2), column="when")
    '2026-01-02'
    >>> text({"b": 1.0, "a": None}, column="cell")
    '{"b": 1}'
    """
    # A subclass may print itself otherwise; its content is what counts, as in Arrow.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value)
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return _timestamp_text(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        raise InputError.nothing_sent(
            f"Column {column!r} holds bytes, which have no text of their own; decode them first, "
            f"as in df[{column!r}].str.decode('utf-8')."
        )
    if isinstance(value, (Mapping, *LISTS)):
        return json.dumps(plain_json(value, column=column), ensure_ascii=False)
    return _own_text(value, column)


def is_encodable(text: str) -> bool:
    """Whether UTF-8 can express a text."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _own_text(value: object, column: str) -> str:
    words = str(value)
    if ADDRESS.search(words):
        raise InputError.nothing_sent(
            f"Column {column!r} holds objects of type {type(value).__name__!r}, which have no text of their own; "
            "make a column of strings first."
        )
    return words


def _timestamp_text(value: dt.datetime) -> str:
    day = f"{value.year:04d}-{value.month:02d}-{value.day:02d}"
    clock = f"{value.hour:02d}:{value.minute:02d}:{value.second:02d}"
    nanosecond = getattr(value, "nanosecond", 0)
    fraction = f".{value.microsecond * 1000 + nanosecond:09d}".rstrip("0").rstrip(".")
    # A date column becomes timestamps in many a file format and back; a naive
    # midnight is a date. With an offset it is a moment, and is kept whole.
    if value.tzinfo is None:
        return day if clock + fraction == "00:00:00" else f"{day} {clock}{fraction}"
    offset = dt.datetime.isoformat(value, timespec="seconds")[len("2026-01-02T03:04:05") :]
    return f"{day} {clock}{fraction}{offset}"


def plain_json(value: object, *, column: str) -> object:
    """A cell as plain JSON: the same before and after parquet.

    Parameters
    ----------
    value : object
        Mappings, lists and arrays of any depth.
    column : str
        For the error message.

    Raises
    ------
    InputError
        If it holds what has no sensible text.

    Notes
    -----
    Parquet stores dicts as structs: keys take one order and absent ones come back as null. Sorted and
    without nulls both sides are alike.
    """
    value = normal(value)
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return _json_object(value.items(), column)
    if isinstance(value, AbstractSet):
        return sorted((plain_json(cell, column=column) for cell in value), key=repr)
    if isinstance(value, LISTS) and not isinstance(value, bytes | bytearray | memoryview):
        return [plain_json(cell, column=column) for cell in value]
    return text(value, column=column)


def _json_object(pairs: Iterable[tuple[object, object]], column: str) -> dict[str, object]:
    named = ((_key_text(key, column), plain_json(cell, column=column)) for key, cell in pairs)
    return dict(sorted(((key, cell) for key, cell in named if cell is not None), key=lambda pair: pair[0]))


def _key_text(key: object, column: str) -> str:
    key = normal(key)
    # JSON's own word, as json.dumps writes it.
    return "null" if key is None else text(key, column=column)
