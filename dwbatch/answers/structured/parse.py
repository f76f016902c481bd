"""Texts of answers to typed values, one column a field; each distinct text is read once."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from dwbatch.answers.structured.fields import Field
from dwbatch.answers.structured.format import Format
from dwbatch.answers.structured.violations import ViolationError


@dataclass(frozen=True, slots=True)
class Parsed:
    """Answers held to a format.

    Parameters
    ----------
    columns : tuple of (Field, list)
        Values of each field, one a row, see `dwbatch.answers.structured.cells.cell`; None where
        there is none. Equal texts share their values, so nothing here may be changed in place.
    error_codes, errors : pa.StringArray, shape (n_rows,)
        Why an answer does not fit; null where it does, or where there was no text.
    had_prose : pa.BooleanArray, shape (n_rows,)
        Whether anything stood around the JSON; null where no answer fits.
    """

    columns: tuple[tuple[Field, list[Any]], ...]
    error_codes: pa.Array
    errors: pa.Array
    had_prose: pa.Array


def parse(answer_format: Format, texts: pa.Array | pa.ChunkedArray) -> Parsed:
    """Read the answers of some rows; never raises for what stands in them.

    Parameters
    ----------
    answer_format : Format
    texts : pa.Array or pa.ChunkedArray of string, shape (n_rows,)
        Null where a row has no answer, or none that is complete.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    encoded = texts.dictionary_encode()
    nothing = (None,) * len(answer_format.fields)
    values: list[tuple[Any, ...]] = []
    codes: list[str | None] = []
    errors: list[str | None] = []
    had_prose: list[bool | None] = []
    for text in encoded.dictionary.to_pylist():
        try:
            answer = answer_format.read(text)
        except ViolationError as violation:
            values.append(nothing)
            codes.append(violation.code.value)
            errors.append(violation.reason)
            had_prose.append(None)
        else:
            values.append(answer.values)
            codes.append(None)
            errors.append(None)
            had_prose.append(answer.had_prose)
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
        had_prose=pa.array(had_prose, pa.bool_()).take(encoded.indices),
    )
