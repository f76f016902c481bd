"""A schema compiled to a type: says yes quickly, and leaves every no to the schema itself."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Union

import msgspec

from dwbatch.answers.structured.types import Schema

# Whatever else a schema says, only the schema can judge.
_JUDGED = frozenset(
    {
        "type",
        "title",
        "description",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "anyOf",
        "format",
    }
)
_PLAIN: dict[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool, "null": None}


class _BeyondError(Exception):
    """A part of the schema that no type says."""


def compile_fast(schema: Schema) -> Callable[[Any], bool]:
    """A function that is true only for values that fit the schema.

    False means that the schema itself has to be asked: the type is stricter in places (``3.0`` is
    an integer to a schema), and for some schemas there is no type at all.
    """
    try:
        kind = _type_of(schema)
    except _BeyondError:
        return lambda _value: False

    def fits(value: Any) -> bool:
        try:
            msgspec.convert(value, kind)
        except (msgspec.ValidationError, RecursionError):
            return False
        return True

    try:
        fits(None)
    except TypeError:
        # msgspec refuses some unions, such as two objects without a tag.
        return lambda _value: False
    return fits


def _type_of(schema: Mapping[str, Any]) -> Any:
    if not set(schema) <= _JUDGED:
        raise _BeyondError
    if "anyOf" in schema:
        _alone(schema, "anyOf")
        return Union[tuple(_type_of(one) for one in schema["anyOf"])]  # noqa: UP007 - built from a list
    if "enum" in schema:
        options = tuple(schema["enum"])
        # True equals 1 to Python and not to JSON, so only texts are left to the type.
        if not options or not all(isinstance(option, str) for option in options):
            raise _BeyondError
        return Literal[options]
    kind = schema.get("type")
    if kind == "array":
        return list[_type_of(schema["items"])] if "items" in schema else list  # type: ignore[misc] # made at run time
    if kind == "object":
        properties = [
            (f"f{place}", _type_of(one)) for place, one in enumerate(schema.get("properties", {}).values())
        ]
        names = dict(zip((name for name, _ in properties), schema.get("properties", {}), strict=True))
        return msgspec.defstruct("Answer", properties, rename=names, forbid_unknown_fields=True)
    if not isinstance(kind, str) or kind not in _PLAIN:
        raise _BeyondError
    return _PLAIN[kind]


def _alone(schema: Mapping[str, Any], keyword: str) -> None:
    if set(schema) - {keyword, "title", "description"}:
        raise _BeyondError
