"""Several answers to one request: one JSON text among the results, a list in the frame."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.answers.structured.fields import Field, Shape
from dwbatch.answers.structured.format import Format
from dwbatch.answers.structured.parse import Parsed, parse
from dwbatch.columns import ErrorCode, Status

TEXT = Field("", Shape.TEXT)
# What a sample that breaks the format is worse than.
BETTER_THAN_INVALID = {Status.OK.value, Status.TRUNCATED.value, Status.FILTERED.value}

_Reason: TypeAlias = tuple[str | None, str | None]
_FITS: _Reason = (None, None)


def join_samples(texts: Sequence[str | None]) -> str:
    """Content of a result with several answers.

    Examples
    --------
    >>> join_samples(["yes", None])
    '["yes", null]'
    """
    return json.dumps(texts, ensure_ascii=False)


def split_samples(content: str | None, *, count: int, is_ok: bool) -> list[str | None] | None:
    """Answers of a result that was asked for so many; None where it has none at all.

    Examples
    --------
    >>> split_samples('["yes", null]', count=2, is_ok=False)
    ['yes', None]
    >>> split_samples("yes", count=2, is_ok=True)
    ['yes', None]
    """
    if content is None:
        return None
    listed = _listed(content) if count > 1 else None
    if listed is None:
        # A server that knows nothing of n answers once, and of a single sample the content is its text.
        listed = [content] if is_ok else []
    return [*listed, *[None] * (count - len(listed))] if any(text is not None for text in listed) else None


def _listed(content: str) -> list[str | None] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    is_joined = (
        isinstance(found, list) and len(found) > 1 and all(isinstance(one, str | None) for one in found)
    )
    return found if is_joined else None


@dataclass(frozen=True, slots=True)
class Sampled:
    """The samples of some rows, held to a format.

    Parameters
    ----------
    columns : tuple of (Field, list)
        As of `dwbatch.answers.structured.parse.Parsed`; each value is a tuple with one value a sample,
        None where that is not ok, or None where no sample is.
    status, error_codes, errors : pa.StringArray, shape (n_rows,)
        What the worst sample makes of the row; null where it stays as it is.
    """

    columns: tuple[tuple[Field, list[Any]], ...]
    status: pa.Array
    error_codes: pa.Array
    errors: pa.Array


def read_samples(content: pa.Array, status: pa.Array, *, count: int, answer_format: Format | None) -> Sampled:
    """Read the answers of rows that asked for several.

    Parameters
    ----------
    content : pa.StringArray, shape (n_rows,)
    status : pa.StringArray, shape (n_rows,)
    count : int
        How many each row asked for.
    answer_format : Format or None
    """
    said = status.to_pylist()
    rows = [
        split_samples(text, count=count, is_ok=word == Status.OK.value) or []
        for text, word in zip(content.to_pylist(), said, strict=True)
    ]
    flat = pa.array([text for row in rows for text in row], pa.large_string())
    if answer_format is None:
        columns: tuple[tuple[Field, list[Any]], ...] = ((TEXT, flat.to_pylist()),)
        reasons: list[_Reason] = [_FITS] * len(flat)
    else:
        parsed = parse_answers(answer_format, flat)
        columns = parsed.columns
        reasons = list(zip(parsed.error_codes.to_pylist(), parsed.errors.to_pylist(), strict=True))
    ends = list(accumulate(map(len, rows), initial=0))
    spans = [slice(start, stop) for start, stop in pairwise(ends)]
    told = [_verdict(row, word, reasons[span]) for row, word, span in zip(rows, said, spans, strict=True)]
    is_any_ok = [
        any(text is not None and reason == _FITS for text, reason in zip(row, reasons[span], strict=True))
        for row, span in zip(rows, spans, strict=True)
    ]
    return Sampled(
        tuple(
            (
                Field(field.name, Shape.LIST, element=field),
                [tuple(values[span]) if ok else None for span, ok in zip(spans, is_any_ok, strict=True)],
            )
            for field, values in columns
        ),
        *(pa.array([one[place] for one in told], pa.string()) for place in range(3)),
    )


def _verdict(
    row: Sequence[str | None], status: str | None, reasons: Sequence[_Reason]
) -> tuple[str | None, str | None, str | None]:
    """Status, code and sentence that the samples of a row add to what its result says."""
    misfit = next((reason for reason in reasons if reason != _FITS), None)
    if misfit is not None and status in BETTER_THAN_INVALID:
        return (Status.INVALID.value, *misfit)
    if status == Status.OK.value and None in row:
        given = len(row) - row.count(None)
        sentence = f"The model gave {given} of the {len(row)} answers that were asked for."
        return Status.FAILED.value, ErrorCode.EMPTY_ANSWER.value, sentence
    return None, None, None


def parse_answers(answer_format: Format, texts: pa.Array | pa.ChunkedArray) -> Parsed:
    """The same as `parse`; an empty text is the call of a tool, which no format binds."""
    return parse(answer_format, pc.if_else(pc.equal(texts, ""), pa.scalar(None, texts.type), texts))
