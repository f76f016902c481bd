"""A response format: what is sent for it, and how an answer's text is held to it."""

import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema
import msgspec

from dwbatch.answers.structured.fast import compile_fast
from dwbatch.answers.structured.fields import Field, Shape, field_of, fields_of, resolve
from dwbatch.answers.structured.read import NotJsonError, json_in
from dwbatch.answers.structured.strict import admits_null, make_strict
from dwbatch.answers.structured.types import Schema, schema_of
from dwbatch.columns import ErrorCode
from dwbatch.errors import InputError

JSON_OBJECT = "json_object"
# A bare type is wrapped, since constrained decoding wants an object at the root.
WRAPPED = "value"
LONGEST_VIOLATION = 500


class ViolationError(ValueError):
    """An answer that does not fit; says which code and the first reason."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason if len(reason) <= LONGEST_VIOLATION else f"{reason[: LONGEST_VIOLATION - 1]}…"


@dataclass(frozen=True, slots=True)
class Answer:
    """A text read as a structured answer.

    Parameters
    ----------
    values : tuple
        One JSON value a field of the format; None where the answer says null.
    had_prose : bool
        Whether anything stood around the JSON.
    """

    values: tuple[Any, ...]
    had_prose: bool


@dataclass(frozen=True, slots=True)
class Format:
    """A response format.

    Parameters
    ----------
    wire : mapping
        What stands as ``response_format`` in a request's body.
    fields : tuple of Field
        The columns it makes.
    is_single : bool
        Whether the answer is one value, for the one answer column.
    check : callable
        Takes the JSON text and value of an answer and returns the value to keep.
    """

    wire: Mapping[str, Any]
    fields: tuple[Field, ...]
    is_single: bool
    check: Callable[[Any], Any]

    def read(self, text: str) -> Answer:
        """Hold an answer's text to the format.

        Raises
        ------
        ViolationError
            If the text has no JSON, or the JSON does not fit.
        """
        try:
            value, had_prose = json_in(text)
        except NotJsonError as error:
            raise ViolationError(ErrorCode.INVALID_JSON, f"The answer is not JSON: {text[:80]!r}.") from error
        value = self.check(value)
        if self.wire == {"type": JSON_OBJECT}:
            return Answer((value,), had_prose)
        names = [WRAPPED] if self.is_single else [field.name for field in self.fields]
        return Answer(tuple(value.get(name) for name in names), had_prose)


def read_format(response_format: object) -> Format:
    """Read what the caller gave as ``response_format``.

    Parameters
    ----------
    response_format : type, mapping or str
        A Pydantic class, a dataclass, a TypedDict, a JSON schema, ``"json_object"``, or a bare type
        such as ``Literal["pos", "neg"]``.

    Raises
    ------
    InputError
        If it cannot be made a strict JSON schema; the message names the place and the reason.
    """
    if response_format in (JSON_OBJECT, {"type": JSON_OBJECT}):
        return Format({"type": JSON_OBJECT}, (Field("", Shape.JSON),), is_single=True, check=_any_object)
    if isinstance(response_format, Mapping):
        return _from_schema(dict(response_format))
    if isinstance(response_format, str):
        raise InputError.nothing_sent(
            f"response_format={response_format!r} is not known; the one word is {JSON_OBJECT!r}. "
            "A class, a JSON schema or a type such as Literal['pos', 'neg'] is given as it is."
        )
    schema = schema_of(response_format)
    name = getattr(response_format, "__name__", "")
    if _is_object(schema):
        return _make(schema, name, own=_pydantic(response_format))
    title = name if isinstance(response_format, type) and issubclass(response_format, enum.Enum) else "answer"
    return _wrapped(schema, title)


def _from_schema(given: dict[str, Any]) -> Format:
    if given.get("type") == "json_schema" and isinstance(given.get("json_schema"), Mapping):
        # As it is written for the API itself.
        inner = given["json_schema"]
        return _from_schema({"title": inner.get("name", ""), **inner.get("schema", {})})
    if not given:
        raise InputError.nothing_sent(
            "response_format is an empty schema, which says nothing about the answer."
        )
    try:
        jsonschema.validators.validator_for(given).check_schema(given)
    except jsonschema.SchemaError as error:
        raise InputError.nothing_sent(f"response_format is not a JSON schema: {error.message}.") from error
    title = str(given.get("title", ""))
    return _make(given, title) if _is_object(given) else _wrapped(given, title or "answer")


def _is_object(schema: Schema) -> bool:
    root = resolve(schema, schema)
    return root.get("type") == "object" or "properties" in root


def _wrapped(schema: Schema, title: str) -> Format:
    inner = {name: value for name, value in schema.items() if name not in {"$defs", "definitions", "$schema"}}
    outer = {name: value for name, value in schema.items() if name in {"$defs", "definitions"}}
    whole: Schema = {"type": "object", "properties": {WRAPPED: inner}, "required": [WRAPPED], **outer}
    strict = make_strict(whole)
    column = field_of("", strict["properties"][WRAPPED], strict)
    return Format(_wire(strict, title), (column,), is_single=True, check=_checker(strict, whole))


def _make(schema: Schema, title: str, *, own: Callable[[Any], Any] | None = None) -> Format:
    # The root must be the object itself, not a reference to it.
    if "$ref" in schema:
        schema = {
            **resolve(schema, schema),
            **{name: schema[name] for name in ("$defs", "definitions") if name in schema},
        }
    strict = make_strict(schema)
    judge = own or _checker(strict, schema)

    def check(value: Any) -> Any:
        return judge(_without_fillers(value, schema, schema))

    return Format(_wire(strict, title), fields_of(strict), is_single=False, check=check)


def _wire(schema: Schema, title: str) -> dict[str, Any]:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", title)[:64] or "answer"
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def _checker(strict: Schema, given: Schema) -> Callable[[Any], Any]:
    """A check against the schema: a compiled type first, and where that refuses, the schema's own word."""
    fits = compile_fast(strict)
    validator = jsonschema.validators.validator_for(given, default=jsonschema.Draft202012Validator)(given)

    def check(value: Any) -> Any:
        if not fits(value):
            for violation in validator.iter_errors(value):
                raise ViolationError(
                    ErrorCode.SCHEMA_MISMATCH, f"at {violation.json_path}: {violation.message}"
                )
        return value

    return check


def _any_object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ViolationError(ErrorCode.SCHEMA_MISMATCH, "at $: the answer is JSON but no object")
    return value


def _pydantic(kind: object) -> Callable[[Any], Any] | None:
    """The validation of the user's own class, with whatever validators it has."""
    validate = getattr(kind, "model_validate_json", None)
    if validate is None:
        return None

    def check(value: Any) -> Any:
        try:
            return validate(msgspec.json.encode(value)).model_dump(mode="json")
        except ValueError as error:
            # Pydantic's ValidationError is a ValueError with a list in it.
            first = error.errors()[0] if hasattr(error, "errors") else {"loc": (), "msg": str(error)}
            path = ".".join(["$", *map(str, first["loc"])])
            raise ViolationError(ErrorCode.SCHEMA_MISMATCH, f"at {path}: {first['msg']}") from error

    return check


def _without_fillers(value: Any, schema: Mapping[str, Any], root: Schema) -> Any:
    """The value without the nulls that stand only because every property had to be required."""
    schema = resolve(schema, root)
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [_without_fillers(one, schema["items"], root) for one in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    required = schema.get("required", ())
    return {
        name: _without_fillers(inner, schema["properties"].get(name, {}), root)
        for name, inner in value.items()
        if inner is not None or name in required or admits_null(schema["properties"].get(name, {}))
    }
