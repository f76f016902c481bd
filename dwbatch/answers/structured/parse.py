"""Texts of answers to typed values, one column a field; each distinct text is read once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from dwbatch.answers.structured.fields import Field
from dwbatch.answers.structured.format import Format, ViolationError


@dataclass(frozen=True, slots=True)
class Parsed:
    """Answers held to a format.

    Parameters
    ----------
    columns : tuple of (Field, list)
        Values of each field, one a row: JSON values, None where there is none.
    error_codes, errors : pa.StringArray, shape (n_rows,)
        Why an answer does not fit; null where it does, or where there was no text.
    """

    columns: tuple[tuple[Field, list[Any]], ...]
    error_codes: pa.Array
    errors: pa.Array


def parse(answer_format: Format, texts: pa.Array) -> Parsed:
    """Read the answers of some rows.

    Parameters
    ----------
    answer_format : Format
    texts : pa.LargeStringArray, shape (n_rows,)
        Null where a row has no answer.
    """
    encoded = texts.dictionary_encode()
    nothing = (None,) * len(answer_format.fields)
    values: list[tuple[Any, ...]] = []
    codes: list[str | None] = []
    errors: list[str | None] = []
    for text in encoded.dictionary.to_pylist():
        try:
            values.append(answer_format.read(text).values)
            codes.append(None)
            errors.append(None)
        except ViolationError as violation:
            values.append(nothing)
            codes.append(violation.code.value)
            errors.append(violation.reason)
    # The last place stands for rows without a text.
    values.append(nothing)
    places = np.asarray(encoded.indices.fill_null(len(values) - 1), dtype=np.int64).tolist()
    columns = tuple(
        (field, [values[place][number] for place in places])
        for number, field in enumerate(answer_format.fields)
    )
    return Parsed(
        columns=columns,
        error_codes=pa.array(codes, pa.string()).take(encoded.indices),
        errors=pa.array(errors, pa.string()).take(encoded.indices),
    )
