"""The fast path: the plain answers of a slab of lines, read without a dict a row."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from dwbatch.answers.results import LINES
from dwbatch.answers.vectors import VECTOR
from dwbatch.columns import Status

#: All that msgspec raises for bytes that are not the JSON asked for.
MISFITS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_STOPPED = "stop"
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


# What these types refuse needs no look of its own afterwards: another status, another end, a refusal, two
# choices. gc=False: they live no longer than one slab and make no cycles, and the garbage collector
# would walk all of them again and again; a tuple of one choice it would walk all the same.
class _Message(msgspec.Struct, gc=False):
    content: Annotated[str, msgspec.Meta(min_length=1)]
    refusal: Literal[""] | None = None


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    finish_reason: Literal["stop"]


class _Choices(msgspec.Struct, gc=False, array_like=True, forbid_unknown_fields=True):
    only: _Choice


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: _Count
    completion_tokens: _Count


class _Chat(msgspec.Struct, gc=False):
    choices: _Choices
    model: str
    usage: _Usage


class _Response(msgspec.Struct, gc=False):
    status_code: Literal[200]
    body: msgspec.Raw


class _Line(msgspec.Struct, gc=False):
    id: str
    custom_id: str
    response: _Response
    error: None = None


_LINE = msgspec.json.Decoder(_Line)
_CHAT = msgspec.json.Decoder(_Chat)


class PlainAnswers(NamedTuple):
    """Lines that are plain answers, their decoded bodies, and these as they stood, joined."""

    lines: list[_Line]
    chats: list[_Chat]
    bodies: bytes


def read_plain(slab: bytes) -> PlainAnswers | None:
    """The answers of a slab of lines that are all plain; None if any line is not.

    Plain is a chat completion with a text that stopped by itself. The slow path
    (`dwbatch.answers.lines.read_line`) reads such a line to the same result.
    """
    if not _is_utf8(slab):
        return None
    try:
        lines = _LINE.decode_lines(slab)
        # JSON values need nothing between them, and the column of bodies wants them joined anyway.
        bodies = b"".join([line.response.body for line in lines])
        return PlainAnswers(lines, _CHAT.decode_lines(bodies), bodies)
    except MISFITS:
        return None


def pick_plain(lines: Sequence[bytes]) -> tuple[PlainAnswers, list[int]]:
    """The plain answers among lines, and the positions of all other lines."""
    plain: list[tuple[_Line, _Chat]] = []
    odd = []
    for position, text in enumerate(lines):
        try:
            line = _LINE.decode(text)
            chat = _CHAT.decode(line.response.body)
        except MISFITS:
            odd.append(position)
            continue
        if _is_utf8(text):
            plain.append((line, chat))
        else:
            odd.append(position)
    bodies = b"".join([line.response.body for line, _ in plain])
    return PlainAnswers([line for line, _ in plain], [chat for _, chat in plain], bodies), odd


def to_plain_batch(answers: PlainAnswers) -> pa.RecordBatch:
    """Plain answers as a record batch of schema `LINES`, in the order given."""
    lines, chats, bodies = answers
    count = len(lines)
    choices = [chat.choices.only for chat in chats]
    usages = [chat.usage for chat in chats]
    columns = {
        "custom_id": pa.array([line.custom_id for line in lines], pa.string()),
        "line_id": pa.array([line.id for line in lines], pa.string()),
        "status": pa.repeat(Status.OK.value, count),
        "error_code": pa.nulls(count, pa.string()),
        "error": pa.nulls(count, pa.string()),
        "content": pa.array([choice.message.content for choice in choices], pa.large_string()),
        "finish_reason": pa.repeat(_STOPPED, count),
        "model": pa.array([chat.model for chat in chats], pa.string()),
        "prompt_tokens": pa.array([usage.prompt_tokens for usage in usages], pa.int64()),
        "completion_tokens": pa.array([usage.completion_tokens for usage in usages], pa.int64()),
        "body": _cut_column(bodies, [len(line.response.body) for line in lines]),
        "embedding": pa.nulls(count, VECTOR),
    }
    return pa.RecordBatch.from_pydict(columns, schema=LINES)


def _is_utf8(text: bytes) -> bool:
    # msgspec steps over the fields that it was not asked for without looking.
    if text.isascii():
        return True
    try:
        # Arrow looks without making a text of it, in a quarter of the time.
        _cut_column(text, [len(text)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _cut_column(texts: bytes, lengths: Sequence[int]) -> pa.LargeStringArray:
    # A view of one buffer: a bytes object a row would cost as much as decoding does.
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return pa.LargeStringArray.from_buffers(len(lengths), pa.py_buffer(offsets), pa.py_buffer(texts))
