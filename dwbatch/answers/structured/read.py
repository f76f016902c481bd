"""The JSON in an answer's text: bare, in a fence, or with prose around it."""

import json
import re
from typing import Any, NoReturn

import msgspec

_FENCE = re.compile(r"```[A-Za-z0-9_-]*[ \t]*\n?(.*?)```", re.DOTALL)
_OPENING = re.compile(r"[\[{]")
# An answer that opens many braces and closes none is prose.
_MOST_STARTS = 64


class NotJsonError(ValueError):
    """The text holds no JSON value."""


def json_in(text: str) -> tuple[Any, bool]:
    r"""The value in a text, and whether anything stood around it.

    Raises
    ------
    NotJsonError
        If there is none.

    Examples
    --------
    >>> json_in('Sure! ```json\n{"a": 1}\n```')
    ({'a': 1}, True)
    """
    try:
        return msgspec.json.decode(text), False
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    for fenced in _FENCE.findall(text):
        try:
            return msgspec.json.decode(fenced.strip()), True
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue
    return _embedded(text), True


def _embedded(text: str) -> Any:
    decoder = json.JSONDecoder(parse_constant=_refuse)
    for number, opening in enumerate(_OPENING.finditer(text)):
        if number >= _MOST_STARTS:
            break
        try:
            value, _ = decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            continue
        return value
    raise NotJsonError


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
