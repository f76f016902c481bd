"""Arrow columns of structured answers hold what pandas columns hold, in types that only the format decides."""

import datetime as dt
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from dwbatch.answers.structured.fields import Field, Shape
from dwbatch.arrow import to_arrow, type_of
from dwbatch.typed import to_column

NOON = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
CELLS: list[tuple[Field, list[Any]]] = [
    (Field("a", Shape.TEXT), ["x", None]),
    (Field("a", Shape.JSON), ['{"x":1}', None]),
    (Field("a", Shape.INTEGER), [2**62, None]),
    (Field("a", Shape.NUMBER), [0.5, None]),
    (Field("a", Shape.TRUTH), [True, None]),
    (Field("a", Shape.CATEGORY, ("neg", "pos")), ["pos", None]),
    (Field("a", Shape.MOMENT), [NOON, None]),
    (Field("a", Shape.DAY), [NOON.date(), None]),
    (Field("a", Shape.LIST, element=Field("", Shape.INTEGER)), [(1, 2), None]),
    (Field("a", Shape.LIST, element=Field("", Shape.CATEGORY, ("b",))), [("b",), ()]),
    (Field("a", Shape.LIST, element=Field("", Shape.DAY)), [("2026-11-22",), None]),
]


@pytest.mark.parametrize(("field", "cells"), CELLS, ids=lambda value: getattr(value, "shape", ""))
def test_the_type_is_the_same_whatever_the_answers_were(field: Field, cells: list[Any]) -> None:
    full, void, none = to_arrow((field, cells)), to_arrow((field, [])), to_arrow((field, [None]))

    assert full.type == void.type == none.type == type_of(field)


@pytest.mark.parametrize(("field", "cells"), CELLS, ids=lambda value: getattr(value, "shape", ""))
def test_the_values_are_those_that_pandas_holds(field: Field, cells: list[Any]) -> None:
    in_pandas = to_column(field, cells, pd.RangeIndex(len(cells)))

    held = [None if cell is None else list(cell) if isinstance(cell, tuple) else cell for cell in cells]
    assert to_arrow((field, cells)).to_pylist() == held
    assert in_pandas.isna().tolist() == [cell is None for cell in cells]


def test_every_category_is_there_though_no_answer_chose_it() -> None:
    column = to_arrow((Field("a", Shape.CATEGORY, ("neg", "pos")), ["pos"]))

    assert column.dictionary.to_pylist() == ["neg", "pos"]


def test_an_array_stays_as_it_is() -> None:
    values = pa.array(["x"])

    assert to_arrow(values) is values
