"""custom_ids by the user's own template, checked so that every result finds its row."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from dwbatch.errors import InputError
from dwbatch.prompts.encode import LARGE, join, split_at_slots
from dwbatch.prompts.identity import MAX_CUSTOM_ID
from dwbatch.prompts.requests import part
from dwbatch.prompts.template import Template
from dwbatch.prompts.values import Values, render

SHOWN = 5


def render_custom_ids(template: Template, columns: Mapping[str, Values], rows: np.ndarray) -> pa.Array:
    """custom_ids of some rows.

    Parameters
    ----------
    template : Template
    columns : mapping of str to Values
        The whole columns.
    rows : np.ndarray of int32 or int64, shape (n,)
        Positions of rows that make distinct requests.

    Returns
    -------
    pa.LargeStringArray, shape (n,)
        Distinct, printable ASCII, at most 64 bytes each.

    Raises
    ------
    InputError
        If any is missing, repeated, too long or not ASCII; the first five rows are named.
    """
    chosen = part(columns, rows)
    rendered = {slot: render(chosen[slot.name], slot) for slot in dict.fromkeys(template.slots)}
    shape = split_at_slots(template.parts)
    texts = join(shape.fragments, [rendered[slot].texts for slot in template.slots], n_rows=len(rows))
    found = texts.to_pylist()
    _refuse(
        "is missing a value it is made of",
        [row for row, text in enumerate(found) if text is None],
        rows,
        found,
    )
    _refuse(
        f"is longer than the {MAX_CUSTOM_ID} bytes that the server takes",
        [row for row, text in enumerate(found) if len(text.encode()) > MAX_CUSTOM_ID],
        rows,
        found,
    )
    _refuse(
        "is not printable ASCII",
        [row for row, text in enumerate(found) if not (text.isascii() and text.isprintable())],
        rows,
        found,
    )
    _refuse("stands on several different requests", _repeated(texts), rows, found)
    return texts.cast(LARGE)


def _repeated(texts: pa.Array) -> list[int]:
    codes = np.asarray(texts.dictionary_encode().indices)
    counts = np.bincount(codes) if len(codes) else np.zeros(0, dtype=np.int64)
    return np.flatnonzero(counts[codes] > 1).tolist() if len(codes) else []


def _refuse(fault: str, offenders: list[int], rows: np.ndarray, found: Sequence[str | None]) -> None:
    if not offenders:
        return
    shown = ", ".join(f"row {int(rows[place])} ({found[place]!r})" for place in offenders[:SHOWN])
    more = f" and {len(offenders) - SHOWN} more" if len(offenders) > SHOWN else ""
    raise InputError.nothing_sent(
        f"The custom_id of {shown}{more} {fault}. Make the template unique to each request, "
        "or leave custom_id= out and dwbatch makes one."
    )
