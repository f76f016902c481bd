"""Where a schema's references lead: only to definitions of its own."""

from collections.abc import Mapping
from typing import Any

from dwbatch.answers.structured.types import Schema
from dwbatch.errors import InputError

# Parts that references may lead to; they stay at the root when a schema is wrapped.
DEFINITIONS = ("$defs", "definitions")


def resolve(schema: Mapping[str, Any], root: Schema) -> Mapping[str, Any]:
    """The schema that a chain of references leads to.

    Raises
    ------
    InputError
        If a reference leads anywhere but to a definition, nowhere, or in a circle.
    """
    seen: set[str] = set()
    while "$ref" in schema:
        reference = str(schema["$ref"])
        if reference in seen:
            raise InputError.nothing_sent(
                f"response_format refers to itself and nothing else ({reference!r})."
            )
        seen.add(reference)
        schema = _target(reference, root)
    return schema


def _target(reference: str, root: Schema) -> Mapping[str, Any]:
    sharp, *steps = reference.split("/")
    found: Any = root
    if sharp != "#" or steps[0] not in DEFINITIONS:
        raise InputError.nothing_sent(
            f"response_format refers to {reference!r}; put what is meant under '$defs' and refer to it there."
        )
    for step in steps:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        raise InputError.nothing_sent(f"response_format refers to {reference!r}, which it does not define.")
    return found
