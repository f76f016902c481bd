"""What columns a schema makes, and of which kind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dwbatch.answers.structured.references import resolve
from dwbatch.answers.structured.types import Schema


class Shape(StrEnum):
    """How a value stands in a column."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    TRUTH = "truth"
    CATEGORY = "category"
    MOMENT = "moment"
    DAY = "day"
    LIST = "list"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a structured answer.

    Parameters
    ----------
    name : str
        The property; empty for an answer that is one value.
    shape : Shape
    categories : tuple of str
        Every text that a category may say, in the order of the schema.
    element : Field, optional
        What a list holds.
    """

    name: str
    shape: Shape
    categories: tuple[str, ...] = ()
    element: "Field | None" = None


_BY_TYPE = {
    "string": Shape.TEXT,
    "integer": Shape.INTEGER,
    "number": Shape.NUMBER,
    "boolean": Shape.TRUTH,
}
_BY_FORMAT = {"date-time": Shape.MOMENT, "date": Shape.DAY}
_NUMBERS = {Shape.INTEGER, Shape.NUMBER}
_TEXTS = {Shape.TEXT, Shape.CATEGORY, Shape.MOMENT, Shape.DAY}
# Lists in lists in lists: a schema that refers to itself has no deepest one.
_DEEPEST_LIST = 4


def fields_of(schema: Schema) -> tuple[Field, ...]:
    """Columns of a strict object schema, in the order in which its properties were written."""
    return tuple(field_of(name, one, schema) for name, one in schema["properties"].items())


def field_of(name: str, schema: Mapping[str, Any], root: Schema, *, depth: int = 0) -> Field:
    """The column that one property of a strict schema makes.

    Parameters
    ----------
    name : str
        The property.
    schema, root : dict
        Its schema, and the whole in which references are looked up.
    depth : int
        Lists around it.
    """
    fields = [_leaf(name, one, root, depth) for one in _leaves(schema, root)]
    shapes = {field.shape for field in fields}
    if len(fields) == 1:
        return fields[0]
    if shapes and shapes <= _NUMBERS:
        return Field(name, Shape.NUMBER)
    if shapes == {Shape.CATEGORY}:
        return Field(name, Shape.CATEGORY, _distinct(text for field in fields for text in field.categories))
    if shapes and shapes <= _TEXTS:
        return Field(name, Shape.TEXT)
    # Of several kinds only JSON can say which one a value was.
    return Field(name, Shape.JSON)


def _leaves(schema: Mapping[str, Any], root: Schema) -> Iterator[Mapping[str, Any]]:
    """What a value may be, one by one; null is no kind of its own, for every column takes it."""
    schema = resolve(schema, root)
    if "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _leaves(one, root)
    elif isinstance(schema.get("type"), list):
        yield from ({**schema, "type": kind} for kind in schema["type"] if kind != "null")
    elif schema.get("type") != "null":
        yield schema


def _leaf(name: str, schema: Mapping[str, Any], root: Schema, depth: int) -> Field:
    if "enum" in schema:
        return _choice(name, [option for option in schema["enum"] if option is not None])
    kind = schema.get("type")
    if kind == "string":
        return Field(name, _BY_FORMAT.get(schema.get("format", ""), Shape.TEXT))
    if kind == "array" and depth < _DEEPEST_LIST:
        return Field(name, Shape.LIST, element=field_of("", schema["items"], root, depth=depth + 1))
    return Field(name, _BY_TYPE.get(str(kind), Shape.JSON))


def _choice(name: str, options: list[Any]) -> Field:
    kinds = {type(option) for option in options}
    if kinds == {str}:
        return Field(name, Shape.CATEGORY, _distinct(options))
    # Categories of numbers come back from parquet as numbers, and a mean of
    # ratings is wanted more often than a category.
    if kinds == {bool}:
        return Field(name, Shape.TRUTH)
    if kinds == {int}:
        return Field(name, Shape.INTEGER)
    return Field(name, Shape.NUMBER if kinds and kinds <= {int, float} else Shape.JSON)


def _distinct(texts: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
