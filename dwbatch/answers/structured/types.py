"""A Python type as a JSON schema: what a person writes for a label, a list or a small class."""

import dataclasses
import datetime as dt
import enum
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from dwbatch.errors import InputError

Schema = dict[str, Any]

_PLAIN: dict[object, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    dt.datetime: {"type": "string", "format": "date-time"},
    dt.date: {"type": "string", "format": "date"},
    dt.time: {"type": "string", "format": "time"},
}


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

    Examples
    --------
    >>> schema_of(Literal["pos", "neg"])
    {'enum': ['pos', 'neg']}
    """
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    origin = get_origin(kind)
    if origin in {typing.Annotated, Required, NotRequired}:
        return schema_of(get_args(kind)[0], path=path)
    if origin is Literal:
        return {"enum": list(get_args(kind))}
    if origin in {Union, types.UnionType}:
        return {"anyOf": [schema_of(one, path=path) for one in get_args(kind)]}
    if origin in {list, set, frozenset} or (origin is tuple and get_args(kind)[1:] == (...,)):
        return {"type": "array", "items": schema_of(get_args(kind)[0], path=f"{path}[]")}
    if isinstance(kind, type) and (schema := _class_schema(kind, path)) is not None:
        return schema
    raise InputError.nothing_sent(f"{path} is {_name(kind)}, which {_way_out(kind)}")


def _class_schema(kind: type, path: str) -> Schema | None:
    if issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    if model := getattr(kind, "model_json_schema", None):
        return dict(model())
    if dataclasses.is_dataclass(kind):
        return _object(kind, _dataclass_required(kind), path)
    if typing.is_typeddict(kind):
        keys: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
        return _object(kind, keys, path)
    return None


def _object(kind: type, required: frozenset[str], path: str) -> Schema:
    try:
        hints: Mapping[str, object] = get_type_hints(kind, include_extras=True)
    except NameError as error:
        raise InputError.nothing_sent(f"{path} names a type that cannot be found: {error}.") from error
    return {
        "title": kind.__name__,
        "type": "object",
        "properties": {name: schema_of(hint, path=f"{path}.{name}") for name, hint in hints.items()},
        "required": [name for name in hints if name in required],
    }


def _dataclass_required(kind: type) -> frozenset[str]:
    fields: Callable[[Any], tuple[dataclasses.Field[Any], ...]] = dataclasses.fields
    return frozenset(
        field.name
        for field in fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )


def _name(kind: object) -> str:
    return repr(kind.__name__ if isinstance(kind, type) else str(kind).removeprefix("typing."))


def _way_out(kind: object) -> str:
    if kind in {list, set, tuple} or get_origin(kind) is tuple:
        return "does not say what it holds; write list[str] or the like."
    if kind is dict or get_origin(kind) is dict:
        return "has no fixed fields, so its answers would have no fixed columns; write a dataclass with the fields."
    return (
        "has no JSON schema here; give a Pydantic class, a dataclass, a TypedDict, a JSON schema as a dict, "
        "Literal[…], an Enum, bool, int, float, str or list[…]."
    )
