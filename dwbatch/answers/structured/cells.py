"""A JSON value as it stands in a column, or the reason why it cannot stand there."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from dwbatch.answers.structured.fields import Field, Shape
from dwbatch.answers.structured.violations import mismatch

_INT64 = range(-(2**63), 2**63)


def cell(field: Field, value: Any) -> Any:
    """A value of a field as its column holds it.

    Parameters
    ----------
    field : Field
    value : object
        A JSON value; None where there is none.

    Returns
    -------
    object
        ``str``, ``int`` (64 bits), ``float``, ``bool``, a ``datetime`` in UTC (a time without an offset
        is taken as UTC), a ``date``, a tuple of such values, or JSON text; None for null.

    Raises
    ------
    ViolationError
        If the value fits the schema but not the column.
    """
    if value is None:
        return None
    try:
        return _CELLS[field.shape](field, value)
    except (ValueError, OverflowError) as error:
        raise mismatch(f"$.{field.name or 'value'}", str(error)) from error


def _text(_: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")  # noqa: TRY004 - a value, not a programmer, is wrong
    return value


def _integer(_: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError(f"{value!r} is not an integer")
    # A schema takes 3.0 for an integer.
    if int(value) not in _INT64:
        raise ValueError(f"{value!r} is beyond the 64 bits of a column of integers")
    return int(value)


def _number(_: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")  # noqa: TRY004 - a value, not a programmer, is wrong
    return float(value)


def _truth(_: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")  # noqa: TRY004 - as above
    return value


def _category(field: Field, value: Any) -> str:
    if value not in field.categories:
        raise ValueError(f"{value!r} is not one of {list(field.categories)!r}")
    return str(value)


def _moment(field: Field, value: Any) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(_text(field, value))
        return found.astimezone(dt.UTC) if found.tzinfo else found.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{value!r} is not a time") from error


def _day(field: Field, value: Any) -> dt.date:
    try:
        return dt.date.fromisoformat(_text(field, value))
    except ValueError as error:
        raise ValueError(f"{value!r} is not a date") from error


def _list(field: Field, value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list) or field.element is None:
        raise ValueError(f"{value!r} is not a list")
    keep, element = _ELEMENTS[field.element.shape], field.element
    return tuple(None if one is None else keep(element, one) for one in value)


def _json(_: Field, value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_CELLS: dict[Shape, Callable[[Field, Any], Any]] = {
    Shape.TEXT: _text,
    Shape.INTEGER: _integer,
    Shape.NUMBER: _number,
    Shape.TRUTH: _truth,
    Shape.CATEGORY: _category,
    Shape.MOMENT: _moment,
    Shape.DAY: _day,
    Shape.LIST: _list,
    Shape.JSON: _json,
}
# Within a list a time stays the text that it is: a list has no dtype to hold it.
_ELEMENTS = {**_CELLS, Shape.MOMENT: _text, Shape.DAY: _text}
