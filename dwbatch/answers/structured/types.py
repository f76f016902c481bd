"""A Python type as a JSON schema: what a person writes for a label, a list or a small class."""

import dataclasses
import datetime as dt
import enum
import types
import typing
from collections import abc
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from dwbatch.errors import InputError

Schema = dict[str, Any]

_PLAIN: dict[type, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    dt.datetime: {"type": "string", "format": "date-time"},
    dt.date: {"type": "string", "format": "date"},
    dt.time: {"type": "string", "format": "time"},
}
_LISTS = frozenset({list, set, frozenset, abc.Sequence, abc.Collection, abc.Iterable})
_JSON_SCALARS = (str, int, float, type(None))


def schema_of(kind: object, *, path: str = "response_format") -> Schema:
    """JSON schema of a type.

    Parameters
    ----------
    kind : type or typing form
        ``str``, ``bool``, ``int``, ``float``, ``datetime``, ``date``, ``Literal``, ``Enum``,
        ``Optional`` and unions, ``list[…]``, a dataclass, a TypedDict; nested as one likes.
    path : str
        Where it stands, for the message.

    Raises
    ------
    InputError
        If the type has no schema of a fixed shape, with the place and a way out.
    RecursionError
        If a class holds itself.

    Examples
    --------
    >>> schema_of(Literal["pos", "neg"])
    {'type': 'string', 'enum': ['pos', 'neg']}
    """
    # `type X = …` of Python 3.12 is a name for what stands behind it.
    if type(kind).__name__ == "TypeAliasType":
        kind = getattr(kind, "__value__", kind)
    if isinstance(kind, type) and kind in _PLAIN:
        return dict(_PLAIN[kind])
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {typing.Annotated, Required, NotRequired}:
        return schema_of(arguments[0], path=path)
    if origin is Literal:
        return _one_of(arguments, path)
    if origin in {Union, types.UnionType}:
        return {"anyOf": [schema_of(one, path=path) for one in arguments]}
    if origin in _LISTS or (origin is tuple and arguments[1:] == (...,)):
        return {"type": "array", "items": schema_of(arguments[0], path=f"{path}[]")}
    if isinstance(kind, type) and origin is None and (schema := _class_schema(kind, path)) is not None:
        return schema
    raise InputError.nothing_sent(f"{path} is {_name(kind)}, which {_way_out(kind)}")


def fields_of_class(kind: type) -> tuple[Mapping[str, object], frozenset[str]] | None:
    """Types of the fields of a dataclass or TypedDict, and which are required; None for another class.

    Raises
    ------
    NameError
        If an annotation names what cannot be found.
    """
    if dataclasses.is_dataclass(kind):
        # Hints alone would also count class variables.
        found = dataclasses.fields(kind)
        hints = get_type_hints(kind, include_extras=True)
        missing = dataclasses.MISSING
        required = [one.name for one in found if one.default is missing and one.default_factory is missing]
        return {one.name: hints[one.name] for one in found}, frozenset(required)
    if typing.is_typeddict(kind):
        return get_type_hints(kind, include_extras=True), getattr(kind, "__required_keys__", frozenset())
    return None


def _class_schema(kind: type, path: str) -> Schema | None:
    if issubclass(kind, enum.Enum):
        return _one_of([member.value for member in kind], path)
    try:
        found = fields_of_class(kind)
    except NameError as error:
        raise InputError.nothing_sent(f"{path} names a type that cannot be found: {error}.") from error
    if found is None:
        return None
    hints, required = found
    return {
        "title": kind.__name__,
        "type": "object",
        "properties": {name: schema_of(hint, path=f"{path}.{name}") for name, hint in hints.items()},
        "required": [name for name in hints if name in required],
    }


def _one_of(options: Sequence[object], path: str) -> Schema:
    values = [option.value if isinstance(option, enum.Enum) else option for option in options]
    strange = [value for value in values if not isinstance(value, _JSON_SCALARS)]
    if strange or not values:
        raise InputError.nothing_sent(
            f"{path} allows {strange[0]!r}, which JSON cannot say; choose among texts or numbers."
            if strange
            else f"{path} allows nothing: it has no members."
        )
    kinds = {type(value) for value in values}
    # Named beside the values, since not every server infers it from them.
    kind = next((schema for plain, schema in _PLAIN.items() if kinds == {plain}), {})
    return {**kind, "enum": values}


def _name(kind: object) -> str:
    return repr(kind.__name__ if isinstance(kind, type) else str(kind).removeprefix("typing."))


def _way_out(kind: object) -> str:
    origin = get_origin(kind)
    if any(kind is one for one in (list, set, tuple)) or origin is tuple:
        return "does not say what it holds; write list[str] or the like."
    if kind is dict or origin is dict:
        return "has no fixed fields, so its answers would have no fixed columns; write a dataclass with the fields."
    return (
        "has no JSON schema here; give a Pydantic class, a dataclass, a TypedDict, a JSON schema as a dict, "
        "Literal[…], an Enum, bool, int, float, str or list[…]."
    )
