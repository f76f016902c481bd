"""A result: what one line of a result file says about one request, as a row of Arrow."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from dwbatch.answers.vectors import VECTOR
from dwbatch.columns import Status

#: One row a result line, in the order of the file. `content` is filled wherever the
#: status is ok, and holds what there is of a truncated or filtered answer.
#: `body` is the response body as it stood, byte for byte; of a failed row, the
#: upstream's own body text. An embedding's numbers stand in `embedding` in its place.
LINES: pa.Schema = pa.schema(
    [
        ("custom_id", pa.string()),
        ("line_id", pa.string()),
        ("status", pa.string()),
        ("error_code", pa.string()),
        ("error", pa.string()),
        ("content", pa.large_string()),
        ("finish_reason", pa.string()),
        ("model", pa.string()),
        ("prompt_tokens", pa.int64()),
        ("completion_tokens", pa.int64()),
        ("body", pa.large_string()),
        ("embedding", VECTOR),
    ]
)

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Result(NamedTuple):
    """One row of `LINES`, field by field."""

    custom_id: str | None
    line_id: str | None
    status: Status
    error_code: str | None = None
    error: str | None = None
    content: str | None = None
    finish_reason: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    body: str | None = None
    embedding: np.ndarray | None = None


def to_batch(results: Sequence[Result]) -> pa.RecordBatch:
    """Results as a record batch of schema `LINES`, in the order given."""
    columns = zip(*results, strict=True) if results else ((),) * len(LINES)
    arrays = [_array(values, field.type) for values, field in zip(columns, LINES, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=LINES)


def _array(values: Sequence[object], kind: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        # JSON may escape half of a surrogate pair, which no UTF-8 can hold.
        # The rest of that answer was paid for, so only the half is replaced.
        return pa.array([_without_surrogates(value) for value in values], kind)


def _without_surrogates(value: object) -> object:
    return _LONE_SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value
