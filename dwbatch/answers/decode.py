"""Result files, in blocks cut anywhere → a table of results, in the order of the file."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

import msgspec
import pyarrow as pa

from dwbatch.answers.lines import MISFITS, read_line
from dwbatch.answers.results import LINES, to_batch
from dwbatch.columns import Status

# Small enough that a slab's lines and what is made of them stay in the
# processor's cache (4 MiB slabs took a third longer), large enough that Arrow's
# cost a batch vanishes.
_SLAB_BYTES = 256 * 1024


# The types below are the condition of the fast path: what fits them is a plain
# answer, and everything else is read by `read_line`, which decides alike.
class _Message(msgspec.Struct, gc=False):
    content: Annotated[str, msgspec.Meta(min_length=1)]
    refusal: None = None


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    finish_reason: Literal["stop"]


_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: _Count
    completion_tokens: _Count


class _Chat(msgspec.Struct, gc=False):
    choices: list[_Choice]
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


def decode(blocks: Iterable[bytes], *, whole: bool = True) -> pa.Table:
    r"""One result a line of a result file, in the order of the file.

    Parameters
    ----------
    blocks : iterable of bytes
        The file, cut anywhere: between lines, in a line, in a character.
    whole : bool
        Whether the file was read to its end. If the connection broke, a last line
        without a newline is not a line.

    Returns
    -------
    pyarrow.Table
        Schema `LINES`; one row a line that is not blank. No line raises: what cannot
        be read is `ErrorCode.MALFORMED_LINE`.

    Notes
    -----
    Only ``\n`` ends a line: the server writes U+2028, U+2029 and U+0085 raw inside
    the texts of models.
    """
    return pa.Table.from_batches(map(decode_lines, _slabs(blocks, whole=whole)), schema=LINES)


def decode_lines(lines: Sequence[bytes]) -> pa.RecordBatch:
    """One result a line, in the order given.

    Parameters
    ----------
    lines : sequence of bytes
        Whole lines, none of them blank.

    Returns
    -------
    pyarrow.RecordBatch
        Schema `LINES`.
    """
    plain: list[tuple[_Line, _Chat]] = []
    odd: list[bytes] = []
    places: list[int] = []
    for line in lines:
        answer = _plain_answer(line)
        if answer is None:
            places.append(-len(odd) - 1)
            odd.append(line)
        else:
            places.append(len(plain))
            plain.append(answer)
    if not odd:
        return _plain_batch(plain)
    results = to_batch([read_line(line) for line in odd])
    if not plain:
        return results
    both = pa.concat_batches([_plain_batch(plain), results])
    return both.take(pa.array([place if place >= 0 else len(plain) - place - 1 for place in places]))


def _slabs(blocks: Iterable[bytes], *, whole: bool) -> Iterator[list[bytes]]:
    pieces: list[bytes] = []
    size = 0
    for block in blocks:
        start = 0
        while start < len(block):
            end = block.find(b"\n", min(start + max(_SLAB_BYTES - size, 0), len(block))) + 1
            end = end or block.rfind(b"\n", start) + 1
            if end <= start or size + end - start < _SLAB_BYTES:
                break
            yield _lines(b"".join((*pieces, block[start:end])))
            pieces, size, start = [], 0, end
        pieces.append(block[start:])
        size += len(block) - start
    rest = b"".join(pieces)
    if not whole:
        rest = rest[: rest.rfind(b"\n") + 1]
    if rest:
        yield _lines(rest)


def _lines(slab: bytes) -> list[bytes]:
    return [line for line in slab.split(b"\n") if line and not line.isspace()]


def _plain_answer(line: bytes) -> tuple[_Line, _Chat] | None:
    try:
        wire = _LINE.decode(line)
        chat = _CHAT.decode(wire.response.body)
    except MISFITS:
        return None
    is_readable = chat.choices and (line.isascii() or _is_utf8(line))
    return (wire, chat) if is_readable else None


def _is_utf8(line: bytes) -> bool:
    # msgspec steps over the fields it was not asked for without looking at them.
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _plain_batch(answers: list[tuple[_Line, _Chat]]) -> pa.RecordBatch:
    count = len(answers)
    choices = [chat.choices[0] for _, chat in answers]
    columns = {
        "custom_id": [wire.custom_id for wire, _ in answers],
        "line_id": [wire.id for wire, _ in answers],
        "status": pa.repeat(Status.OK.value, count),
        "error_code": pa.nulls(count, pa.string()),
        "error": pa.nulls(count, pa.string()),
        "content": [choice.message.content for choice in choices],
        "finish_reason": [choice.finish_reason for choice in choices],
        "model": [chat.model for _, chat in answers],
        "prompt_tokens": [chat.usage.prompt_tokens for _, chat in answers],
        "completion_tokens": [chat.usage.completion_tokens for _, chat in answers],
        "body": [bytes(wire.response.body) for wire, _ in answers],
    }
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for field, column in zip(LINES, columns.values(), strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=LINES)
