"""Answers as Arrow columns: one type a field, whatever the answers were."""

from typing import Any

import pyarrow as pa

from dwbatch.answers.structured.fields import Field, Shape

_TYPES = {
    Shape.TEXT: pa.string(),
    Shape.JSON: pa.string(),
    Shape.INTEGER: pa.int64(),
    Shape.NUMBER: pa.float64(),
    Shape.TRUTH: pa.bool_(),
    Shape.CATEGORY: pa.dictionary(pa.int32(), pa.string()),
    Shape.MOMENT: pa.timestamp("us", tz="UTC"),
    Shape.DAY: pa.date32(),
}

# In a list they stand as the answer says them; only a column of its own has categories and times.
_TEXTS_IN_LISTS = {Shape.CATEGORY, Shape.MOMENT, Shape.DAY}


def type_of(field: Field) -> pa.DataType:
    """The Arrow type of a field of a structured answer.

    Notes
    -----
    The same kinds as in pandas (`dwbatch.typed.to_column`), except that a date is a date and a list
    has its elements' type.
    """
    if field.shape is Shape.LIST:
        element = field.element or Field("", Shape.JSON)
        return pa.list_(pa.string() if element.shape in _TEXTS_IN_LISTS else type_of(element))
    return _TYPES[field.shape]


def to_arrow(values: "pa.Array | tuple[Field, list[Any]]") -> pa.Array:
    """An answer column as Arrow: an array as it is, or the cells of a field.

    Parameters
    ----------
    values : pa.Array or tuple of (Field, list)
        As `dwbatch.outcome.answer_columns` gives it.
    """
    if not isinstance(values, tuple):
        return values
    field, cells = values
    if field.shape is Shape.CATEGORY:
        # Every category of the format is there, seen or not, so that each batch has the same.
        categories = pa.array(field.categories, pa.string())
        places = {category: place for place, category in enumerate(field.categories)}
        indices = [None if cell is None else places[cell] for cell in cells]
        return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), categories)
    return pa.array(cells, type=type_of(field))
