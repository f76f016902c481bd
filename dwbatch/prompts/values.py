"""Columns to texts: what each row puts into one slot, each distinct value printed once."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.errors import InputError
from dwbatch.prompts.cells import is_encodable, normal, text
from dwbatch.prompts.template import Slot

__all__ = ["Rendered", "Values", "normal", "render", "slot_text", "text"]

# A column as prompts see it: Arrow where the type says all, else the objects
# themselves with None for every kind of missing.
Values: TypeAlias = "pa.Array | Sequence[object]"

QUOTES: dict[str, Callable[[str], str]] = {"r": repr, "s": str, "a": ascii}
# How much of a value an error message shows.
SHOWN = 60


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
    if not isinstance(values, pa.Array):
        return _render_objects(values, slot)
    if slot.conversion is None and not slot.spec and (fast := _render_arrow(values)) is not None:
        return Rendered(fast, np.zeros(len(values), dtype=bool))
    distinct, indices = _distinct(values)
    rendered = _render_objects(objects_of(distinct, slot.name), slot)
    if indices is None:
        return rendered
    return Rendered(rendered.texts.take(indices), _take_flags(rendered.unencodable, indices))


def _render_arrow(values: pa.Array) -> pa.Array | None:
    kind = values.type
    if pa.types.is_large_string(kind):
        return values
    if (
        pa.types.is_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_null(kind)
        or pa.types.is_string_view(kind)
    ):
        return values.cast(pa.large_string())
    if pa.types.is_boolean(kind):
        return pc.if_else(values, pa.scalar("True", pa.large_string()), pa.scalar("False", pa.large_string()))
    return None


def _distinct(values: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """Split values into the distinct ones and each row's place among them, if Arrow can."""
    if isinstance(values, pa.DictionaryArray):
        # Only what some row holds: a category without rows may fit no format
        # spec, and a slab of a large dictionary needs but few of its values.
        used = values.indices.dictionary_encode()
        return values.dictionary.take(used.dictionary), used.indices
    try:
        encoded = values.dictionary_encode()
    except pa.ArrowNotImplementedError:
        # Arrow has no hash of nested values; every row stands for itself.
        return values, None
    return encoded.dictionary, encoded.indices


def _take_flags(flags: np.ndarray, indices: pa.Array) -> np.ndarray:
    if not flags.any():
        return np.zeros(len(indices), dtype=bool)
    return np.asarray(pc.fill_null(pa.array(flags).take(indices), fill_value=False))


def objects_of(values: Values, column: str) -> Sequence[object]:
    """The values of a column as Python's own, as exact as the column holds them; None where missing.

    Raises
    ------
    InputError
        If Arrow holds a value that Python cannot express.
    """
    if not isinstance(values, pa.Array):
        return values
    # Arrow shows of a period or an interval only what it is stored as.
    if str(getattr(values.type, "extension_name", "")).startswith("pandas."):
        return list(values.to_pandas())
    try:
        cells = values.to_pylist()
    except (OverflowError, ValueError) as error:
        raise InputError.nothing_sent(
            f"Column {column!r} holds a value of type {str(values.type)!r} that Python cannot express: {error}."
        ) from error
    # Names of the types that `_exact` mends; float64's is "double", and a field of that name only costs the walk.
    is_mended = any(name in str(values.type) for name in ("float", "tz="))
    return [_exact(cell, values.type) for cell in cells] if is_mended else cells


def _exact(cell: Any, kind: pa.DataType) -> object:
    if cell is None:
        return None
    # Arrow widens float16 and float32 on the way out, and with that their text.
    if pa.types.is_float16(kind):
        return np.float16(cell)
    if pa.types.is_float32(kind):
        return np.float32(cell)
    # Where pytz is installed, Arrow asks it for the offset, and it rounds those from before standard time.
    if pa.types.is_timestamp(kind):
        zone = _zone(kind.tz)
        return cell if zone is None else cell.astimezone(zone)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _exact(cell, kind.value_type)
    if pa.types.is_struct(kind):
        return {field.name: _exact(cell[field.name], field.type) for field in kind}
    if pa.types.is_map(kind):
        return [(_exact(key, kind.key_type), _exact(value, kind.item_type)) for key, value in cell]
    if isinstance(cell, list):
        return [_exact(each, kind.value_type) for each in cell]
    return cell


@cache
def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return None if name is None else ZoneInfo(name)
    except (KeyError, ValueError):
        # A fixed offset, such as "+05:30", which everybody reads alike.
        return None


def _render_objects(values: Sequence[object], slot: Slot) -> Rendered:
    unencodable = np.zeros(len(values), dtype=bool)
    texts: list[str | None] = []
    for position, value in enumerate(values):
        rendered = slot_text(value, slot)
        if rendered is not None and not is_encodable(rendered):
            unencodable[position] = True
            rendered = None
        texts.append(rendered)
    return Rendered(pa.array(texts, type=pa.large_string()), unencodable)


def slot_text(value: object, slot: Slot) -> str | None:
    """Text of one value in one slot; None where the value is missing.

    Raises
    ------
    InputError
        If the value has no sensible text, or the format spec does not fit it.

    Notes
    -----
    A conversion quotes strings as Python does. Any other value has one text under every conversion,
    because its ``repr`` would tell where it comes from: a timestamp from pandas and one from Arrow,
    a list before and after parquet.
    """
    value = normal(value)
    if value is None:
        return None
    if slot.conversion is None and slot.spec:
        return _formatted(value, slot)
    words = text(value, column=slot.name)
    if isinstance(value, str) and slot.conversion:
        words = QUOTES[slot.conversion](words)
    elif slot.conversion == "a":
        words = words.encode("ascii", "backslashreplace").decode()
    return _formatted(words, slot) if slot.spec else words


def _formatted(value: object, slot: Slot) -> str:
    try:
        # strftime would print a spec that means a number word for word.
        if isinstance(value, dt.date | dt.time) and "%" not in slot.spec:
            raise ValueError("dates and times take one as in '%d.%m.%Y'")  # noqa: TRY301 - one message for all
        return _format_number(value, slot.spec) if type(value) is int else format(value, slot.spec)
    except (ValueError, TypeError, OverflowError) as error:
        shown = repr(value)
        raise InputError.nothing_sent(
            f"Column {slot.name!r} holds {shown[:SHOWN] + '…' if len(shown) > SHOWN else shown}, "
            f"which the format spec {slot.spec!r} does not fit: {error}."
        ) from error


def _format_number(value: int, spec: str) -> str:
    try:
        return format(value, spec)
    except ValueError:
        # An integral float is an integer here, and '.3' fits only floats.
        return format(float(value), spec)
