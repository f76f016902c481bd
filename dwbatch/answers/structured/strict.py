"""A JSON schema made strict: what constrained decoding takes, or a reason why it cannot be.

The subset is the one that OpenAI publishes for structured outputs and that
other servers of the kind follow: every object closed, every property required,
an optional one nullable, no keyword that makes the shape depend on the answer.
"""

from collections.abc import Mapping
from typing import Any

from dwbatch.answers.structured.types import Schema
from dwbatch.errors import InputError

# Of no weight for the shape, or written anew when the object is closed.
_SAID_OTHERWISE = frozenset(
    {
        "title",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "discriminator",
        "$schema",
        "$id",
        "properties",
        "required",
        "additionalProperties",
    }
)
_KEPT = frozenset(
    {
        "type", "description", "enum", "format", "pattern", "minLength", "maxLength", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems",
    }
)  # fmt: skip
_REFUSED = {
    "patternProperties": "names its properties by a pattern",
    "propertyNames": "names its properties by a rule",
    "unevaluatedProperties": "leaves properties open",
    "prefixItems": "is a list whose places differ; make it an object",
    "not": "says what an answer is not",
    "if": "depends on the answer",
    "dependentRequired": "depends on the answer",
    "dependentSchemas": "depends on the answer",
    "contains": "says only what a list contains",
}


def make_strict(schema: Mapping[str, Any], *, path: str = "response_format") -> Schema:
    """The schema as it is sent.

    Parameters
    ----------
    schema : mapping
        A JSON schema; the root may be anything.
    path : str
        Where it stands, for the message.

    Raises
    ------
    InputError
        If a part of it cannot be made strict, with its place and the reason.
    """
    strict: Schema = {}
    for keyword, value in schema.items():
        strict.update(_translate(keyword, value, path))
    if schema.get("type") == "object" or "properties" in schema:
        _close(schema, strict, path)
    return strict


def _translate(keyword: str, value: Any, path: str) -> Schema:
    """One keyword as it is sent: kept, reworded or left out."""
    match keyword:
        case "const":
            return {"enum": [value]}
        case "anyOf" | "oneOf":
            return {"anyOf": [make_strict(one, path=f"{path}|{place}") for place, one in enumerate(value)]}
        case "allOf":
            return _only(value, path)
        case "items":
            return {"items": make_strict(value, path=f"{path}[]")}
        case "$ref":
            return {"$ref": _local(value, path)}
        case "$defs" | "definitions":
            return {keyword: {name: make_strict(one, path=f"{path}#{name}") for name, one in value.items()}}
    if keyword in _KEPT:
        return {keyword: value}
    if keyword in _SAID_OTHERWISE:
        return {}
    reason = _REFUSED.get(keyword, "has a keyword that is not known to be obeyed")
    raise InputError.nothing_sent(f"{path} {reason} ({keyword!r}), which no server can hold a model to.")


def _close(schema: Mapping[str, Any], strict: Schema, path: str) -> None:
    properties = schema.get("properties", {})
    if schema.get("additionalProperties", False) not in {False, True} or not properties:
        raise InputError.nothing_sent(
            f"{path} is an object without fixed properties, so its answers would have no fixed columns; name them."
        )
    required = schema.get("required", ())
    strict["properties"] = {
        name: _required(make_strict(one, path=f"{path}.{name}"), is_optional=name not in required)
        for name, one in properties.items()
    }
    strict["required"] = list(properties)
    strict["additionalProperties"] = False


def _required(schema: Schema, *, is_optional: bool) -> Schema:
    # A model cannot leave a property out; null says the same.
    if not is_optional or admits_null(schema):
        return schema
    return (
        {"anyOf": [*schema["anyOf"], {"type": "null"}]}
        if set(schema) == {"anyOf"}
        else {"anyOf": [schema, {"type": "null"}]}
    )


def admits_null(schema: Mapping[str, Any]) -> bool:
    """Whether null fits a schema, as far as can be seen without following references."""
    kinds = schema.get("type")
    return (
        kinds == "null"
        or (isinstance(kinds, list) and "null" in kinds)
        or None in schema.get("enum", ())
        or any(admits_null(one) for one in schema.get("anyOf", ()))
    )


def _only(parts: list[Mapping[str, Any]], path: str) -> Schema:
    if len(parts) != 1:
        raise InputError.nothing_sent(f"{path} joins several schemas ('allOf'); write them as one.")
    return make_strict(parts[0], path=path)


def _local(reference: str, path: str) -> str:
    if not reference.startswith("#"):
        raise InputError.nothing_sent(
            f"{path} refers to {reference!r} outside of itself; put it under '$defs'."
        )
    return reference
