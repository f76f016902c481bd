"""Properties that may be left out: a strict answer says null for them, and null is taken for absence."""

from collections.abc import Callable, Mapping
from typing import Any

from dwbatch.answers.structured.references import DEFINITIONS, resolve
from dwbatch.answers.structured.types import Schema

_NAMED = ("properties", *DEFINITIONS)
_LISTED = ("anyOf", "oneOf", "allOf")


def nullable(schema: Schema) -> Schema:
    """A schema that takes null as well."""
    null = {"type": "null"}
    return {"anyOf": [*schema["anyOf"], null]} if set(schema) == {"anyOf"} else {"anyOf": [schema, null]}


def admits_null(schema: Mapping[str, Any], root: Schema) -> bool:
    """Whether null fits a schema."""
    schema = resolve(schema, root)
    kinds = schema.get("type", ())
    return (
        "null" in ([kinds] if isinstance(kinds, str) else kinds)
        or any(value is None for value in schema.get("enum", ()))
        or ("const" in schema and schema["const"] is None)
        or any(admits_null(one, root) for keyword in _LISTED for one in schema.get(keyword, ()))
    )


def with_fillers(schema: Schema) -> Schema:
    """The schema as it was given, save that null may stand wherever a property may be left out."""
    changed = {keyword: value for keyword, value in schema.items() if keyword not in {"$id", "$schema"}}
    for keyword in _NAMED:
        if keyword in schema:
            changed[keyword] = {name: with_fillers(one) for name, one in schema[keyword].items()}
    for keyword in _LISTED:
        if keyword in schema:
            changed[keyword] = [with_fillers(one) for one in schema[keyword]]
    if "items" in schema:
        changed["items"] = with_fillers(schema["items"])
    for name, one in changed.get("properties", {}).items():
        if name not in schema.get("required", ()):
            changed["properties"][name] = nullable(one)
    return changed


def dropping_fillers(schema: Schema) -> Callable[[Any], Any]:
    """A function from a value that fits to the same without the nulls that only stand for absence.

    Parameters
    ----------
    schema : dict
        As given, before anything was made nullable. A null that it takes itself is kept.
    """
    return _dropping(schema, schema, {})


def _dropping(
    schema: Mapping[str, Any], root: Schema, known: dict[str, Callable[[Any], Any]]
) -> Callable[[Any], Any]:
    if "$ref" in schema:
        reference = str(schema["$ref"])
        if reference not in known:
            # Looked up when it is called, for a class may hold itself.
            known[reference] = lambda value: known[reference](value)  # noqa: PLW0108 - not yet what it will be
            known[reference] = _dropping(resolve(schema, root), root, known)
        return known[reference]
    if "items" in schema:
        inside = _dropping(schema["items"], root, known)
        return lambda value: [inside(one) for one in value] if isinstance(value, list) else value
    if "properties" in schema:
        return _dropping_properties(schema, root, known)
    branches = [(branch, _dropping(branch, root, known)) for branch in _branches(schema, root)]
    if not branches:
        return _same
    # A strict answer says every property of the branch that it was written for.
    objects = {frozenset(one["properties"]): drop for one, drop in branches if "properties" in one}
    lists = next((drop for one, drop in branches if "items" in one), _same)
    return lambda value: (
        objects.get(frozenset(value), _same)(value) if isinstance(value, dict) else lists(value)
    )


def _dropping_properties(
    schema: Mapping[str, Any], root: Schema, known: dict[str, Callable[[Any], Any]]
) -> Callable[[Any], Any]:
    properties, required = schema["properties"], schema.get("required", ())
    fillers = {
        name for name, one in properties.items() if name not in required and not admits_null(one, root)
    }
    inside = {name: _dropping(one, root, known) for name, one in properties.items()}

    def drop(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            name: inside.get(name, _same)(one)
            for name, one in value.items()
            if one is not None or name not in fillers
        }

    return drop


def _branches(schema: Mapping[str, Any], root: Schema) -> list[Mapping[str, Any]]:
    """What a value may be, unions of unions laid flat."""
    found: list[Mapping[str, Any]] = []
    for one in (resolve(one, root) for keyword in _LISTED for one in schema.get(keyword, ())):
        found += _branches(one, root) or [one]
    return found


def _same(value: Any) -> Any:
    return value
