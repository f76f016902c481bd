"""A JSON schema made strict: what constrained decoding takes, or a reason why it cannot be.

The subset is the one that OpenAI publishes for structured outputs [1]_ and that
other servers of the kind follow: every object closed, every property required,
an optional one nullable, no keyword that makes the shape depend on the answer.
What is left out for the server's sake is still asked of the answer, see
`dwbatch.answers.structured.judge`.

.. [1] https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

import re
from collections.abc import Mapping
from typing import Any

from dwbatch.answers.structured.optional import admits_null, nullable
from dwbatch.answers.structured.references import resolve
from dwbatch.answers.structured.types import Schema
from dwbatch.errors import InputError

_LEFT_OUT = frozenset(
    {
        "title", "default", "examples", "deprecated", "readOnly", "writeOnly", "discriminator", "$schema", "$id",
        "$comment", "contentEncoding", "contentMediaType", "uniqueItems", "minProperties", "maxProperties",
        # Written anew when the object is closed.
        "properties", "required", "additionalProperties",
    }
)  # fmt: skip
_KEPT = frozenset(
    {
        "type", "description", "enum", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum",
        "exclusiveMaximum", "multipleOf", "minItems", "maxItems",
    }
)  # fmt: skip
# A server refuses the whole request for a format that it does not know.
_FORMATS = frozenset({"date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
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
_SAY_SOMETHING = frozenset({"type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf", "properties"})


def make_strict(schema: Schema) -> Schema:
    """The schema as it is sent.

    Parameters
    ----------
    schema : dict
        A valid JSON schema of an object.

    Raises
    ------
    InputError
        If a part of it cannot be made strict, with its place and the reason.
    """
    return _strict(schema, schema, "response_format")


def _strict(schema: object, root: Schema, path: str) -> Schema:
    if not isinstance(schema, Mapping) or not _SAY_SOMETHING & set(schema):
        raise InputError.nothing_sent(f"{path} says nothing of its values; give it a type.")
    strict: Schema = {}
    for keyword, value in schema.items():
        strict.update(_translate(keyword, value, root, path))
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if "object" in kinds or "properties" in schema:
        strict.setdefault("type", "object")
        strict.update(_closed(schema, root, path))
    if "array" in kinds and "items" not in strict:
        raise InputError.nothing_sent(f"{path} is a list that does not say what it holds; give it 'items'.")
    return strict


def _translate(keyword: str, value: Any, root: Schema, path: str) -> Schema:
    """One keyword as it is sent: kept, reworded or left out."""
    match keyword:
        case "const":
            return {"enum": [value]}
        case "anyOf" | "oneOf":
            return {"anyOf": [_strict(one, root, f"{path}|{place}") for place, one in enumerate(value)]}
        case "allOf":
            return _only(value, root, path)
        case "items":
            return {"items": _strict(value, root, f"{path}[]")}
        case "$ref":
            resolve({"$ref": value}, root)
            return {"$ref": value}
        case "$defs" | "definitions":
            return {keyword: {name: _strict(one, root, f"{path}#{name}") for name, one in value.items()}}
    return _worded(keyword, value, path)


def _worded(keyword: str, value: Any, path: str) -> Schema:
    """A keyword that holds no schema."""
    if keyword == "pattern":
        # Automata that steer a model know nothing of looking around.
        return {} if re.search(r"\(\?<?[=!]", value) else {keyword: value}
    if keyword == "format":
        return {"format": value} if value in _FORMATS else {}
    if keyword in _KEPT:
        return {keyword: value}
    if keyword in _LEFT_OUT:
        return {}
    reason = _REFUSED.get(keyword, "has a keyword that is not known to be obeyed")
    raise InputError.nothing_sent(f"{path} {reason} ({keyword!r}), which no server can hold a model to.")


def _closed(schema: Mapping[str, Any], root: Schema, path: str) -> Schema:
    properties: Mapping[str, Any] = schema.get("properties", {})
    if isinstance(schema.get("additionalProperties"), Mapping) or not properties:
        raise InputError.nothing_sent(
            f"{path} is an object without fixed properties, so its answers would have no fixed columns; name them."
        )
    required = schema.get("required", ())
    unknown = [name for name in required if name not in properties]
    if unknown:
        raise InputError.nothing_sent(f"{path} requires {unknown[0]!r}, which it does not describe.")
    strict = {name: _strict(one, root, f"{path}.{name}") for name, one in properties.items()}
    # A model cannot leave a property out; null says the same.
    return {
        "properties": {
            name: one if name in required or admits_null(one, root) else nullable(one)
            for name, one in strict.items()
        },
        "required": list(properties),
        "additionalProperties": False,
    }


def _only(parts: list[Any], root: Schema, path: str) -> Schema:
    if len(parts) != 1:
        raise InputError.nothing_sent(f"{path} joins several schemas ('allOf'); write them as one.")
    return _strict(parts[0], root, path)
