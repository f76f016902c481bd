"""What a call says: its query string and its JSON body, refused as the real server's framework refuses them."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request

from dwbatch.local import serde
from dwbatch.local.content import Window
from dwbatch.local.files import DEFAULT_PAGE, LARGEST_PAGE
from dwbatch.local.limits import BACKGROUND
from dwbatch.local.replies import Refusal
from dwbatch.local.scanner import SyntaxFault, TypeFault

_DIGITS = re.compile(r"[+-]?[0-9]+")
_MOST_LETTERS = 40
_BEYOND_64_BITS = 2**63

_QUERY = "Failed to deserialize query string"


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number from the query string, or None if it is not there.

    Raises
    ------
    Refusal
        400 if it is no number, or none of 64 bits.
    """
    text = query.get(name)
    if text is None:
        return None
    if not _DIGITS.fullmatch(text):
        empty = "cannot parse integer from empty string"
        raise Refusal(400, f"{_QUERY}: {'invalid digit found in string' if text else empty}")
    # Measured first, because Python refuses to read integers of thousands of digits.
    value = int(text) if len(text) <= _MOST_LETTERS else _BEYOND_64_BITS
    if not -_BEYOND_64_BITS <= value < _BEYOND_64_BITS:
        raise Refusal(
            400, f"{_QUERY}: number too {'small' if text[0] == '-' else 'large'} to fit in target type"
        )
    return value


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean from the query string, False if it is not there.

    Raises
    ------
    Refusal
        400 if it is neither ``true`` nor ``false``.
    """
    text = query.get(name, "false")
    if text not in {"true", "false"}:
        raise Refusal(400, f"{_QUERY}: provided string was not `true` or `false`")
    return text == "true"


def moment(query: Mapping[str, str], name: str) -> float | None:
    """Unix time of an RFC 3339 date in the query string, or None if it is not there.

    Raises
    ------
    Refusal
        400 if it is no such date.
    """
    text = query.get(name)
    if text is None:
        return None
    try:
        said = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal(400, f"{_QUERY}: input contains invalid characters") from error
    if said.tzinfo is None:
        raise Refusal(400, f"{_QUERY}: premature end of input")
    return said.timestamp()


def refuse_member(query: Mapping[str, str]) -> None:
    """Refuse to look for one member's things: this server's accounts are persons, not organisations.

    Raises
    ------
    Refusal
        400, if a member is named.
    """
    if "member_id" in query:
        raise Refusal(
            400, "member_id filter is only available in organization context or for platform managers"
        )


def windows(query: Mapping[str, str]) -> tuple[str, ...]:
    """Completion windows that a list is narrowed to; none for all.

    Raises
    ------
    Refusal
        400 for the window of those who manage the platform, as nobody does here.
    """
    words = tuple(word for word in query.get("completion_window", "").split(",") if word)
    if BACKGROUND in words:
        raise Refusal(400, f"completion_window={BACKGROUND} is only available for platform managers")
    return words


def page_limit(query: Mapping[str, str]) -> int:
    """Length of a page of a list: 20 if not said, 1 to 101 whatever is said."""
    given = number(query, "limit")
    return DEFAULT_PAGE if given is None else min(max(given, 1), LARGEST_PAGE)


def window(query: Mapping[str, str]) -> Window:
    """Which lines of a file are asked for. ``offset`` is not a name that the server knows."""
    limit = number(query, "limit")
    return Window(
        skip=max(0, number(query, "skip") or 0),
        limit=None if limit is None else min(max(limit, 1), LARGEST_PAGE),
        search=query.get("search"),
    )


async def json_body(
    request: Request, name: str, fields: Mapping[str, str], *, max_bytes: int
) -> dict[str, Any]:
    """A call's JSON body, read by the server's own rules.

    Parameters
    ----------
    request : Request
        The call, its body not yet read.
    name : str
        Name of the shape, which one of the sentences says.
    fields : mapping of str to str
        The shape, as `serde.Reader.struct` takes it.
    max_bytes : int
        Largest body.

    Raises
    ------
    Refusal
        415 for another content type, 413 for too much, 400 for what is not JSON, 422 for another shape.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal(415, "Expected request with `Content-Type: application/json`")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise Refusal(413, "Failed to buffer the request body: length limit exceeded")
    reader = serde.Reader(bytes(body))
    try:
        return reader.struct(name, fields)
    except SyntaxFault as fault:
        where = f"{reader.path}: " if reader.path else ""
        if isinstance(fault, TypeFault):
            prefix, status = "Failed to deserialize the JSON body into the target type", 422
        else:
            prefix, status = "Failed to parse the request body as JSON", 400
        raise Refusal(status, f"{prefix}: {where}{fault}") from fault


def decoded(body: bytes) -> Any:
    """A JSON value, or None if the body is not JSON."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
