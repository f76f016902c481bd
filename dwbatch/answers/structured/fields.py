"""What columns a schema makes, and of which kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dwbatch.answers.structured.types import Schema
from dwbatch.errors import InputError


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
    categories : tuple
        Every value a category may take, in the order of the schema.
    """

    name: str
    shape: Shape
    categories: tuple[object, ...] = ()


_BY_TYPE = {
    "string": Shape.TEXT,
    "integer": Shape.INTEGER,
    "number": Shape.NUMBER,
    "boolean": Shape.TRUTH,
    "array": Shape.LIST,
}
_BY_FORMAT = {"date-time": Shape.MOMENT, "date": Shape.DAY}


def fields_of(schema: Schema) -> tuple[Field, ...]:
    """Columns of an object schema, in the order in which its properties were written."""
    root = resolve(schema, schema)
    return tuple(field_of(name, one, schema) for name, one in root["properties"].items())


def field_of(name: str, schema: Mapping[str, Any], root: Schema) -> Field:
    """The column that one property makes."""
    schema = _without_null(resolve(schema, root), root)
    options = schema.get("enum")
    if options is not None:
        chosen = tuple(option for option in options if option is not None)
        # pandas' categories are of one kind; a mixture is a text.
        is_one_kind = len({type(option) for option in chosen}) == 1
        return Field(name, Shape.CATEGORY, chosen) if is_one_kind else Field(name, Shape.JSON)
    kind = schema.get("type")
    if kind == "string":
        return Field(name, _BY_FORMAT.get(schema.get("format", ""), Shape.TEXT))
    return Field(name, _BY_TYPE.get(kind, Shape.JSON) if isinstance(kind, str) else Shape.JSON)


def resolve(schema: Mapping[str, Any], root: Schema) -> Mapping[str, Any]:
    """The schema that a chain of local references leads to.

    Raises
    ------
    InputError
        If a reference leads nowhere, or in a circle.
    """
    seen: set[str] = set()
    while "$ref" in schema:
        reference = str(schema["$ref"])
        if reference in seen:
            raise InputError.nothing_sent(
                f"response_format refers to itself and nothing else ({reference!r})."
            )
        seen.add(reference)
        found: Any = root
        for step in reference.removeprefix("#").strip("/").split("/"):
            found = (
                found.get(step.replace("~1", "/").replace("~0", "~"))
                if step and isinstance(found, Mapping)
                else found
            )
        if not isinstance(found, Mapping):
            raise InputError.nothing_sent(
                f"response_format refers to {reference!r}, which it does not define."
            )
        schema = found
    return schema


def _without_null(schema: Mapping[str, Any], root: Schema) -> Mapping[str, Any]:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        left = [kind for kind in kinds if kind != "null"]
        return {**schema, "type": left[0] if len(left) == 1 else left}
    options = [resolve(one, root) for one in schema.get("anyOf", ())]
    left = [one for one in options if one.get("type") != "null"]
    return _without_null(left[0], root) if len(left) == 1 else schema
