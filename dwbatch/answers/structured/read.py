"""The JSON in an answer's text: bare, in a fence, or with prose around it."""

import json
from typing import Any

import msgspec

# A text that opens many braces and closes none is prose.
_MOST_STARTS = 64
_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)


def json_in(text: str) -> tuple[list[Any], bool]:
    r"""Values that a text may mean, and whether anything stood around them.

    Returns
    -------
    list
        The one value where the whole text is JSON; else the outermost objects in it, in their order,
        for the root of every format is an object. Empty where there is none.
    bool
        Whether anything stood around the JSON.

    Notes
    -----
    JSON in the strict sense: no ``NaN``, no number beyond a double, no lone surrogate.

    Examples
    --------
    >>> json_in('Sure! ```json\n{"a": 1}\n```')
    ([{'a': 1}], True)
    """
    try:
        return [msgspec.json.decode(text)], False
    except _FAULTS:
        return _objects(text), True


def _objects(text: str) -> list[Any]:
    found: list[Any] = []
    scanner = json.JSONDecoder()
    start = text.find("{")
    for _ in range(_MOST_STARTS):
        if start < 0:
            break
        try:
            # The scanner knows where a value ends; what it says is the stricter decoder's word.
            _, end = scanner.raw_decode(text, start)
            found.append(msgspec.json.decode(text[start:end]))
        except _FAULTS:
            end = start + 1
        start = text.find("{", end)
    return found
