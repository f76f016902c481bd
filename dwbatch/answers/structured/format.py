"""A response format: what is sent for it, and how an answer's text is held to it."""

import enum
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dwbatch.answers.structured.cells import cell
from dwbatch.answers.structured.fields import Field, Shape, field_of, fields_of
from dwbatch.answers.structured.judge import check_schema, make_judge
from dwbatch.answers.structured.optional import dropping_fillers
from dwbatch.answers.structured.own import Own, own_type
from dwbatch.answers.structured.read import json_in
from dwbatch.answers.structured.references import DEFINITIONS, resolve
from dwbatch.answers.structured.strict import make_strict
from dwbatch.answers.structured.types import Schema, schema_of
from dwbatch.answers.structured.violations import ViolationError, mismatch
from dwbatch.columns import ErrorCode
from dwbatch.errors import InputError

JSON_OBJECT = "json_object"
# A bare type is wrapped, since constrained decoding wants an object at the root.
WRAPPED = "value"
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Answer:
    """A text read as a structured answer.

    Parameters
    ----------
    values : tuple
        One value a field of the format, see `dwbatch.answers.structured.cells.cell`; None for null.
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
        What stands as ``response_format`` in a request's body: plain JSON, the same at every run.
    fields : tuple of Field
        The columns it makes, in the order of the schema (the server sorts properties, we do not).
    is_single : bool
        Whether the answer is one value, for the one answer column.
    judge : callable
        From an answer's JSON value to its properties; raises `ViolationError`.
    """

    wire: Mapping[str, Any]
    fields: tuple[Field, ...]
    is_single: bool
    judge: Callable[[Any], Mapping[str, Any]]

    def read(self, text: str) -> Answer:
        """Hold an answer's text to the format.

        Raises
        ------
        ViolationError
            If the text has no JSON, the JSON does not fit, or several objects in it fit and differ.
        """
        found, had_prose = json_in(text)
        if not found:
            words = repr(text[:_SHOWN]) + ("…" if len(text) > _SHOWN else "")
            raise ViolationError(ErrorCode.INVALID_JSON, f"The answer is not JSON: {words}")
        fitting: list[tuple[Any, ...]] = []
        first: ViolationError | None = None
        for value in found:
            try:
                values = self._values(value)
            except ViolationError as violation:
                first = first or violation
                continue
            if values not in fitting:
                fitting.append(values)
        if len(fitting) == 1:
            return Answer(fitting[0], had_prose)
        words = f"{len(fitting)} different objects fit, and which is meant cannot be told"
        raise first if first is not None and not fitting else mismatch("$", words)

    def _values(self, value: Any) -> tuple[Any, ...]:
        try:
            said = self.judge(value)
            return tuple(
                cell(field, said.get(WRAPPED if self.is_single else field.name)) for field in self.fields
            )
        except ViolationError:
            raise
        # The caller's validators may raise anything, and so may deep or huge values: one row pays, not all.
        except Exception as error:
            raise mismatch("$", f"judging it raised {type(error).__name__}: {error}") from error


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
    try:
        return _read(response_format)
    except RecursionError as error:
        raise InputError.nothing_sent(
            "response_format holds itself and has no end; "
            "give a JSON schema with '$defs', or a Pydantic class, which can say that."
        ) from error


def _read(response_format: object) -> Format:
    if isinstance(response_format, str | Mapping) and response_format in (JSON_OBJECT, {"type": JSON_OBJECT}):
        column = Field("", Shape.JSON)
        return Format({"type": JSON_OBJECT}, (column,), is_single=True, judge=_any_object)
    if isinstance(response_format, Mapping):
        return _from_schema(_plain_json(response_format))
    if isinstance(response_format, str):
        raise InputError.nothing_sent(
            f"response_format={response_format!r} is not known; the one word is {JSON_OBJECT!r}. "
            "A class, a JSON schema or a type such as Literal['pos', 'neg'] is given as it is."
        )
    own = own_type(response_format)
    schema = _plain_json(own.schema if own else schema_of(response_format))
    # typing forms have names as well, such as 'Literal', which say nothing.
    is_named = isinstance(response_format, type) and (_is_object(schema) or own or _is_enum(response_format))
    return _make(schema, response_format.__name__ if is_named else "", own)  # type: ignore[attr-defined] # a class


def _from_schema(given: Schema) -> Format:
    inner = given.get("json_schema")
    if given.get("type") == "json_schema" and isinstance(inner, dict):
        # As it is written for the API itself.
        title = {"title": inner["name"]} if "name" in inner else {}
        return _from_schema({**inner.get("schema", {}), **title})
    return _make(given, str(given.get("title", "")), None)


def _make(schema: Schema, title: str, own: Own | None) -> Format:
    check_schema(schema)
    is_single = not _is_object(schema)
    whole = _wrapped(schema) if is_single else _unreferenced(schema)
    strict = make_strict(whole)
    judge = make_judge(whole)
    drop = dropping_fillers(whole)

    def judge_all(value: Any) -> Mapping[str, Any]:
        judge(value)
        if not isinstance(value, dict):
            raise mismatch("$", "the answer is JSON but no object")
        if own is None:
            return value
        meant = drop(value)
        made: Mapping[str, Any]
        made = {WRAPPED: own.validate(meant[WRAPPED])} if is_single else own.validate(meant)
        return made

    fields = (field_of("", strict["properties"][WRAPPED], strict),) if is_single else fields_of(strict)
    # Only ASCII letters, digits, _ and - are taken, 64 at most.
    name = re.sub(r"[^A-Za-z0-9_-]", "_", title)[:64] or "answer"
    wire = {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": strict}}
    return Format(wire, fields, is_single=is_single, judge=judge_all)


def _is_object(schema: Schema) -> bool:
    root = resolve(schema, schema)
    return root.get("type", "object") == "object" and "properties" in root


def _is_enum(kind: type) -> bool:
    return issubclass(kind, enum.Enum)


def _definitions(schema: Schema) -> Schema:
    return {keyword: schema[keyword] for keyword in DEFINITIONS if keyword in schema}


def _wrapped(schema: Schema) -> Schema:
    inner = {
        keyword: value for keyword, value in schema.items() if keyword not in {*DEFINITIONS, "$schema", "$id"}
    }
    outer = {keyword: schema[keyword] for keyword in ("$schema",) if keyword in schema}
    properties = {WRAPPED: inner}
    return {
        "type": "object",
        "properties": properties,
        "required": [WRAPPED],
        **outer,
        **_definitions(schema),
    }


def _unreferenced(schema: Schema) -> Schema:
    # The root must be the object itself, not a reference to it.
    return {**resolve(schema, schema), **_definitions(schema)} if "$ref" in schema else schema


def _plain_json(schema: Mapping[str, Any]) -> Schema:
    try:
        text = json.dumps(dict(schema), allow_nan=False, ensure_ascii=False)
        text.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise InputError.nothing_sent(f"response_format is not JSON: {error}.") from error
    plain: Schema = json.loads(text)
    return plain


def _any_object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise mismatch("$", "the answer is JSON but no object")
    return {WRAPPED: value}
