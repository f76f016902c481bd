"""Whether a JSON value fits a schema: a compiled type first, and where that refuses, the schema's own word."""

import importlib
from collections.abc import Callable
from typing import Any

from dwbatch.answers.structured.fast import compile_fast
from dwbatch.answers.structured.optional import with_fillers
from dwbatch.answers.structured.types import Schema
from dwbatch.answers.structured.violations import mismatch
from dwbatch.errors import InputError


def make_judge(schema: Schema) -> Callable[[Any], None]:
    """A function that raises `ViolationError` for a value that does not fit.

    Parameters
    ----------
    schema : dict
        As the caller gave it, so that it also says what is left out for the server's sake. A property
        that may be left out may be null as well, since a strict answer cannot leave it out.

    Notes
    -----
    JSON-schema semantics: ``3.0`` is an integer, ``"3"`` is not, and ``format`` binds nobody.
    """
    tolerant = with_fillers(schema)
    fits = compile_fast(tolerant)
    validator = _dialect(schema)(tolerant)

    def judge(value: Any) -> None:
        if fits(value):
            return
        worst = _library().exceptions.best_match(validator.iter_errors(value))
        if worst is not None:
            clearest = _clearest(worst)
            raise mismatch(clearest.json_path, clearest.message)

    return judge


def check_schema(schema: Schema) -> None:
    """Refuse what is no JSON schema.

    Raises
    ------
    InputError
        With the place and the words of the validator.
    """
    try:
        _dialect(schema).check_schema(schema)
    except _library().SchemaError as error:
        raise InputError.nothing_sent(
            f"response_format is not a JSON schema, at {error.json_path}: {error.message}."
        ) from error


def _clearest(error: Any) -> Any:
    """What is wrong with a value that may also be null: that it is no null is not worth saying."""
    while error.validator in {"anyOf", "oneOf"}:
        told = [inner for inner in error.context if inner.validator_value != "null"]
        if len({inner.schema_path[0] for inner in told}) != 1:
            break
        error = _library().exceptions.best_match(told)
    return error


def _dialect(schema: Schema) -> Any:
    library = _library()
    return library.validators.validator_for(schema, default=library.Draft202012Validator)


def _library() -> Any:
    # A fifth of what importing dwbatch would take, and most calls hold their answers to no schema.
    return importlib.import_module("jsonschema")
