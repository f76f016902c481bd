"""The caller's own Pydantic types: their schema, and their say on every answer. Pydantic is never required."""

import dataclasses
import json
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import msgspec

from dwbatch.answers.structured.types import Schema, fields_of_class
from dwbatch.answers.structured.violations import json_path, mismatch
from dwbatch.errors import InputError


@dataclass(frozen=True, slots=True)
class Own:
    """A type that knows its schema and judges for itself.

    Parameters
    ----------
    schema : dict
        JSON schema of what it takes.
    validate : callable
        From a JSON value to the JSON value that the type makes of it; raises `ViolationError`.
    """

    schema: Schema
    validate: Callable[[Any], Any]


def own_type(kind: Any) -> Own | None:
    """What a Pydantic class, or a type with one inside, says of itself; None for any other type.

    Raises
    ------
    InputError
        If Pydantic cannot make a schema of it.
    """
    try:
        if hasattr(kind, "model_validate_json") and hasattr(kind, "model_json_schema"):
            return Own(kind.model_json_schema(), _validation(kind.model_validate_json, _write_model))
        return _adapted(kind) if _holds_pydantic(kind, ()) else None
    # Pydantic's own errors are of these kinds.
    except (RuntimeError, TypeError, NameError) as error:
        raise InputError.nothing_sent(f"response_format has no JSON schema: {error}.") from error


def _adapted(kind: Any) -> Own:
    import pydantic  # noqa: PLC0415 - only a caller who has it comes here

    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(kind)
    return Own(
        adapter.json_schema(), _validation(adapter.validate_json, partial(adapter.dump_json, by_alias=True))
    )


def _write_model(model: Any) -> str:
    text: str = model.model_dump_json(by_alias=True)
    return text


def _validation(read: Callable[[str], Any], write: Callable[[Any], str | bytes]) -> Callable[[Any], Any]:
    def validate(value: Any) -> Any:
        try:
            made = msgspec.json.decode(write(read(json.dumps(value))))
        except ValueError as error:
            if not hasattr(error, "errors"):
                raise
            first = error.errors()[0]
            raise mismatch(json_path(first["loc"]), first["msg"]) from error
        # A property that is read under one name and written under another, or not at all, is kept as it came.
        return {**value, **made} if isinstance(value, dict) and isinstance(made, dict) else made

    return validate


def _holds_pydantic(kind: Any, within: tuple[object, ...]) -> bool:
    if any(kind is one for one in within):
        return False
    if isinstance(kind, type) and hasattr(kind, "__pydantic_validator__"):
        return True
    marks: tuple[object, ...] = getattr(kind, "__metadata__", ())
    if any(type(mark).__module__.partition(".")[0] in {"pydantic", "annotated_types"} for mark in marks):
        return True
    inner = get_args(kind)
    if isinstance(kind, type) and (dataclasses.is_dataclass(kind) or typing.is_typeddict(kind)):
        try:
            found = fields_of_class(kind)
        except NameError:
            # The schema is made next, and that says it with its place.
            return False
        inner = tuple(found[0].values()) if found else ()
    return any(_holds_pydantic(one, (*within, kind)) for one in inner)
