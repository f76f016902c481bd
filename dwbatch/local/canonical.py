"""Lines that stand in a file as they would be kept: read into fixed shapes, written again, and compared.

What comes out as it went in has no field twice, none too many, no key out of order, no bracket too deep and
no byte that is not UTF-8, and nobody had to look for any of that.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType


class Message(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message of a chat that is a text."""

    content: str
    role: Literal["assistant", "developer", "system", "tool", "user"]


class Body(msgspec.Struct, forbid_unknown_fields=True, gc=False, kw_only=True):
    """The parameters of most requests, in the order of their names; a body with others is read elsewhere."""

    dimensions: int | UnsetType = UNSET
    encoding_format: str | UnsetType = UNSET
    frequency_penalty: float | int | UnsetType = UNSET
    input: str | UnsetType = UNSET
    max_completion_tokens: int | UnsetType = UNSET
    max_output_tokens: int | UnsetType = UNSET
    max_tokens: int | UnsetType = UNSET
    messages: list[Message] | UnsetType = UNSET
    model: str
    presence_penalty: float | int | UnsetType = UNSET
    prompt: str | UnsetType = UNSET
    seed: int | UnsetType = UNSET
    temperature: float | int | UnsetType = UNSET
    top_p: float | int | UnsetType = UNSET
    user: str | UnsetType = UNSET


class Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A line whose fields stand in the order of their names; words that are always the same are not made anew."""

    body: Body
    custom_id: str
    method: Literal["POST"]
    url: Literal["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages", "/v1/responses"]


_read = msgspec.json.Decoder(Line).decode_lines
_write = msgspec.json.Encoder().encode_lines


def lines(text: bytes) -> list[Line] | None:
    """Lines of a text that they are letter by letter; None if it has any other in it."""
    try:
        found = _read(text)
    # A ValueError: a number of more digits than Python reads.
    except (msgspec.DecodeError, ValueError):
        return None
    return found if found and _write(found) == text else None
