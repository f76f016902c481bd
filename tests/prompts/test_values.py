"""A value's text depends on the value alone."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.errors import InputError
from dwbatch.prompts.template import Slot
from dwbatch.prompts.values import Values, render

from .strategies import (
    ARROW_CELLS,
    brief,
    dates,
    decimals,
    exact_integers,
    moments,
    nested,
    texts,
)

PLAIN = Slot("x")


def printed(values: Values, slot: Slot = PLAIN) -> list[str | None]:
    rendered: list[str | None] = render(values, slot).texts.to_pylist()
    return rendered


@pytest.mark.parametrize("kind", ARROW_CELLS)
@brief
@given(draw=st.data())
def test_arrow_and_python_values_print_alike(kind: str, draw: st.DataObject) -> None:
    arrow, cells = ARROW_CELLS[kind]
    values = draw.draw(st.lists(cells | st.none(), max_size=6))
    slot = Slot("x", draw.draw(st.sampled_from([None, "r", "a"])))

    assert printed(pa.array(values, arrow), slot) == printed(values, slot)


@pytest.mark.parametrize("kind", ARROW_CELLS)
@brief
@given(draw=st.data())
def test_a_slice_prints_as_its_own_values(kind: str, draw: st.DataObject) -> None:
    arrow, cells = ARROW_CELLS[kind]
    values = draw.draw(st.lists(cells | st.none(), min_size=2, max_size=6))
    column = pa.array(values, arrow)

    assert printed(column.slice(1, len(values) - 2)) == printed(column)[1:-1]


def test_arrow_extension_types_print_as_what_they_stand_for() -> None:
    periods = pa.array(pd.PeriodIndex(["2026-01", None], freq="M").array)
    identifiers = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16), None], pa.binary(16)))

    assert printed(periods) == ["2026-01", None]
    assert printed(identifiers) == ["00000000-0000-0000-0000-000000000000", None]


def test_run_ends_print_as_their_values() -> None:
    column = pc.run_end_encode(pa.array([0.1, 0.1, None], pa.float32()))

    assert printed(column) == ["0.1", "0.1", None]


def test_a_category_without_rows_is_never_printed() -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([1, None, 1]), pa.array([b"no text", b"no text"])).slice(
        1, 1
    )
    spare = pa.DictionaryArray.from_arrays(pa.array([1, 1]), pa.array([-1, 65]))

    assert printed(column) == [None]
    assert printed(spare, Slot("x", None, "c")) == ["A", "A"]


def test_a_null_category_is_missing() -> None:
    assert printed(pa.DictionaryArray.from_arrays(pa.array([0, 1]), pa.array(["a", None]))) == ["a", None]


@given(
    values=st.lists(exact_integers, min_size=1, max_size=4)
    | st.lists(st.floats(), min_size=1, max_size=4)
    | st.lists(st.booleans(), min_size=1, max_size=4)
    | st.lists(moments.map(pd.Timestamp), min_size=1, max_size=4)
    | st.lists(texts, min_size=1, max_size=4),
    added=exact_integers | st.floats() | st.none() | st.booleans() | texts | moments,
)
def test_one_more_row_never_changes_the_text_of_the_others(values: list[object], added: object) -> None:
    before, after = pd.Series(values), pd.Series([*values, added])

    assert printed(after.tolist())[:-1] == printed(before.tolist())


@given(values=st.lists(exact_integers, min_size=1, max_size=4))
def test_a_null_that_makes_floats_of_integers_changes_no_text(values: list[int]) -> None:
    widened = pa.array(pd.Series([*values, None]), from_pandas=True)

    assert widened.type == pa.float64()
    assert printed(widened)[:-1] == printed(pa.array(values))


@given(prices=st.lists(decimals, min_size=1, max_size=4))
def test_a_more_precise_decimal_changes_no_other(prices: list[Decimal]) -> None:
    rescaled = pa.array([*prices, Decimal("0.00000001")])

    assert printed(rescaled)[:-1] == printed(prices)
    assert printed(rescaled, Slot("x", "r"))[:-1] == printed(prices, Slot("x", "r"))
    assert printed(rescaled, Slot("x", None, ">9"))[:-1] == printed(prices, Slot("x", None, ">9"))


@pytest.mark.parametrize(
    "cells",
    [
        st.lists(nested, min_size=1, max_size=4),
        st.lists(st.lists(exact_integers | st.none(), max_size=4) | st.none(), min_size=1, max_size=4),
        st.lists(st.lists(st.floats(width=32).map(np.float32), max_size=4), min_size=1, max_size=4),
        st.lists(st.lists(nested, max_size=2), min_size=1, max_size=3),
        st.lists(st.lists(moments, max_size=3), min_size=1, max_size=3),
        st.lists(dates | st.none(), min_size=1, max_size=4),
        st.lists(decimals | st.none(), min_size=1, max_size=4),
        st.lists(exact_integers | st.none(), min_size=1, max_size=4),
        st.lists(moments | st.none(), min_size=1, max_size=4),
    ],
    ids=["dict", "list", "float32 list", "list of dicts", "moment list", "date", "decimal", "int", "moment"],
)
@brief
@given(draw=st.data())
def test_a_trip_through_parquet_changes_no_text(
    cells: st.SearchStrategy[list[object]], draw: st.DataObject
) -> None:
    values = draw.draw(cells)
    file = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": pa.array(values)}), file)
    back = pq.read_table(pa.BufferReader(file.getvalue()))
    slot = Slot("x", draw.draw(st.sampled_from([None, "r"])))

    assert printed(back["x"].combine_chunks(), slot) == printed(values, slot)
    assert printed(back.to_pandas()["x"].tolist(), slot) == printed(values, slot)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(1)])
def test_a_bytes_column_is_refused_unless_it_is_all_null(kind: pa.DataType) -> None:
    assert printed(pa.nulls(2, kind)) == [None, None]
    with pytest.raises(InputError, match="holds bytes"):
        render(pa.array([None, b"x"], kind), PLAIN)


def test_a_value_beyond_python_is_refused_with_its_type() -> None:
    with pytest.raises(
        InputError, match=r"Column 'x' holds a value of type 'timestamp\[s\]' that Python cannot express"
    ):
        render(pa.array([10**12], pa.timestamp("s")), PLAIN)


def test_a_lone_surrogate_costs_only_its_own_row() -> None:
    rendered = render(["good", "\ud800", ["\udfff"], None], PLAIN)

    assert rendered.texts.to_pylist() == ["good", None, None, None]
    assert rendered.unencodable.tolist() == [False, True, True, False]


def test_a_lone_surrogate_made_by_a_spec_is_found_in_every_row_of_its_value() -> None:
    rendered = render(pa.array([0xD800, None, 65, 0xD800]), Slot("x", None, "c"))

    assert rendered.texts.to_pylist() == [None, None, "A", None]
    assert rendered.unencodable.tolist() == [True, False, False, True]


@given(values=st.lists(st.none() | texts, max_size=5))
def test_a_cell_is_never_expanded_again(values: list[str | None]) -> None:
    assert printed(values) == values
    assert printed(pa.array(values, pa.string())) == values
