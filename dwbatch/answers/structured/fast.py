"""A schema compiled to a type: says yes quickly, and leaves every no to the schema itself."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Union

import msgspec

from dwbatch.answers.structured.references import DEFINITIONS, resolve
from dwbatch.answers.structured.types import Schema

# Of no weight for whether a value fits. `format` is an annotation to a validator, too.
_WEIGHTLESS = frozenset({"title", "description", "default", "examples", "deprecated", "format", *DEFINITIONS})
_PLAIN: dict[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool, "null": None}
_BOUNDS = {
    "integer": {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"},
    "string": {"minLength": "min_length", "maxLength": "max_length"},
    "array": {"minItems": "min_length", "maxItems": "max_length"},
}
_BOUNDS["number"] = _BOUNDS["integer"]


class _BeyondError(Exception):
    """A part of the schema that no type says."""


def compile_fast(schema: Schema) -> Callable[[Any], bool]:
    """A function that is true only for values that fit the schema.

    False means that the schema itself has to be asked: the type is stricter in places (``3.0`` is
    an integer to a schema), and for some schemas there is no type at all.
    """
    try:
        kind = _type_of(schema, schema, ())
        # msgspec refuses some unions, such as two objects without a tag, only when it is asked.
        msgspec.convert(None, Union[kind, None])  # noqa: UP007 - `kind` may be a typing form
    except (_BeyondError, TypeError, ValueError):
        return lambda _value: False

    def fits(value: Any) -> bool:
        try:
            msgspec.convert(value, kind)
        except (msgspec.ValidationError, RecursionError):
            return False
        return True

    return fits


def _type_of(schema: Mapping[str, Any], root: Schema, within: tuple[str, ...]) -> Any:
    said = set(schema) - _WEIGHTLESS
    if said == {"$ref"}:
        reference = str(schema["$ref"])
        if reference in within:
            raise _BeyondError
        return _type_of(resolve(schema, root), root, (*within, reference))
    if said == {"anyOf"}:
        return Union[tuple(_type_of(one, root, within) for one in schema["anyOf"])]  # noqa: UP007 - from a list
    if "enum" in said or "const" in said:
        return _literal(schema, said)
    kind = schema.get("type")
    if kind == "object":
        return _struct(schema, said, root, within)
    if not isinstance(kind, str):
        raise _BeyondError
    bounds = _BOUNDS.get(kind, {})
    if not said <= {"type", "items", *bounds}:
        raise _BeyondError
    plain = list[_type_of(schema["items"], root, within)] if kind == "array" else _PLAIN[kind]  # type: ignore[misc] # made at run time
    limits = {bounds[keyword]: schema[keyword] for keyword in bounds if keyword in said}
    return Annotated[plain, msgspec.Meta(**limits)] if limits else plain


def _literal(schema: Mapping[str, Any], said: set[str]) -> Any:
    options = tuple(schema["enum"]) if "enum" in said else (schema["const"],)
    # True equals 1 to Python and not to JSON, so only texts are left to the type.
    is_plain = said <= {"enum", "type"} or said <= {"const", "type"}
    if not is_plain or schema.get("type", "string") != "string":
        raise _BeyondError
    if not options or not all(isinstance(option, str) for option in options):
        raise _BeyondError
    return Literal[options]


def _struct(schema: Mapping[str, Any], said: set[str], root: Schema, within: tuple[str, ...]) -> Any:
    if not said <= {"type", "properties", "required", "additionalProperties"}:
        raise _BeyondError
    required = schema.get("required", ())
    is_open = schema.get("additionalProperties", True) is True
    # A property may have any name, a field of a struct may not.
    names = {f"f{place}": name for place, name in enumerate(schema["properties"])}
    kinds = {field: _type_of(schema["properties"][name], root, within) for field, name in names.items()}
    fields: list[Any] = [
        (field, kinds[field])
        if name in required
        else (field, kinds[field] | msgspec.UnsetType, msgspec.UNSET)
        for field, name in names.items()
    ]
    return msgspec.defstruct("Answer", fields, rename=names, forbid_unknown_fields=not is_open, kw_only=True)
