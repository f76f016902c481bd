"""Answers held to a format, as columns."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from dwbatch.answers.structured.format import read_format
from dwbatch.answers.structured.parse import Parsed, parse
from dwbatch.typed import to_column


def parsed(response_format: object, *texts: str | None) -> Parsed:
    return parse(read_format(response_format), pa.array(texts, pa.large_string()))


def columns(response_format: object, texts: Sequence[str | None]) -> pd.DataFrame:
    """The columns of some answers; that of a bare type is named ``output``."""
    found = parsed(response_format, *texts)
    index = pd.RangeIndex(len(texts))
    return pd.DataFrame(
        {field.name or "output": to_column(field, values, index) for field, values in found.columns},
        index=index,
    )


def fate(response_format: object, text: str) -> tuple[str | None, str | None]:
    """Error code and error of one answer."""
    found = parsed(response_format, text)
    code: Any = found.error_codes[0].as_py()
    return code, found.errors[0].as_py()


def kept(response_format: object, text: str) -> tuple[Any, ...]:
    """Values of one answer that fits."""
    values: tuple[Any, ...] = read_format(response_format).read(text).values  # noqa: PD011 - not a frame
    return values
