"""A value's text depends on the value alone."""

import datetime as dt
import enum
from collections import deque
from decimal import Decimal
from io import BytesIO
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

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
from dwbatch.prompts.values import Values, normal, render, slot_text, text

from .strategies import (
    ARROW_CELLS,
    brief,
    dates,
    decimals,
    exact_integers,
    missing,
    moments,
    nested,
    patient,
    texts,
)

PLAIN = Slot("x")


def printed(values: Values, slot: Slot = PLAIN) -> list[str | None]:
    rendered: list[str | None] = render(values, slot).texts.to_pylist()
    return rendered


class Colour(enum.Enum):
    RED = "red"


class Tone(str, enum.Enum):  # noqa: UP042 - the older way to write it prints otherwise, which is the point
    KIND = "kind"


class Level(enum.IntEnum):
    HIGH = 3


class Wordless:
    pass


class Worded:
    def __str__(self) -> str:
        return "has words"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a 'quoted' {text}", "a 'quoted' {text}"),
        ("", ""),
        (7, "7"),
        (np.uint8(7), "7"),
        (7.0, "7"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (np.float32(0.1), "0.1"),
        (np.float16(0.1), "0.1"),
        (2.0**53 - 1, "9007199254740991"),
        (2.0**53, "9007199254740992.0"),
        (float("inf"), "inf"),
        (True, "True"),
        (np.True_, "True"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2), "2026-01-02"),  # noqa: DTZ001 - naive is meant
        (pd.Timestamp("2026-01-02"), "2026-01-02"),
        (np.datetime64("2026-01-02", "ns"), "2026-01-02"),
        (np.datetime64("2026-01-02T03:04:05", "s"), "2026-01-02 03:04:05"),
        (pd.Timestamp("2026-01-02 00:00:00.000000001"), "2026-01-02 00:00:00.000000001"),
        (pd.Timestamp("2026-01-02 03:04:05.5"), "2026-01-02 03:04:05.5"),
        (pd.Timestamp("2026-01-02", tz="Asia/Kolkata"), "2026-01-02 00:00:00+05:30"),
        (dt.datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")), "2026-10-25 02:30:00+02:00"),
        (
            dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
            "2026-10-25 02:30:00+01:00",
        ),
        (dt.time(3, 4), "03:04:00"),
        (dt.timedelta(days=1, hours=2), "1 days 02:00:00"),
        (np.timedelta64(1, "s"), "0 days 00:00:01"),
        (np.timedelta64(1, "ns"), "0 days 00:00:00.000000001"),
        (Decimal("1.500"), "1.5"),
        (Decimal("-0.00"), "0"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0." + "1" * 40), "0." + "1" * 40),
        (Decimal("Infinity"), "Infinity"),
        (Colour.RED, "red"),
        (Tone.KIND, "kind"),
        (Level.HIGH, "3"),
        (pd.Period("2026-01"), "2026-01"),
        (PurePosixPath("a/b"), "a/b"),
        (Worded(), "has words"),
        ({"b": 1.0, "a": "é", "c": None}, '{"a": "é", "b": 1}'),
        ({2: "x", "10": "y", None: "z"}, '{"10": "y", "2": "x", "null": "z"}'),
        ({dt.date(2026, 1, 2): Decimal("1.50")}, '{"2026-01-02": "1.5"}'),
        ([1, 2.0, "x", True, pd.Timestamp("2026-01-02")], '[1, 2, "x", true, "2026-01-02"]'),
        ((1, (2,)), "[1, [2]]"),
        (deque([1]), "[1]"),
        (range(2), "[0, 1]"),
        ({3, 1, 2}, "[1, 2, 3]"),
        (np.array([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]"),
        (np.array([0.1], dtype="float32"), "[0.1]"),
        (np.array(["2026-01-02T03:04:05"], dtype="datetime64[ns]"), '["2026-01-02 03:04:05"]'),
        (np.array(3), "3"),
        (pd.Series([1.0, 0.5]), "[1, 0.5]"),
        (pd.array([1, 2]), "[1, 2]"),
        ([float("inf")], '["inf"]'),
    ],
)
def test_a_value_has_one_text(value: object, expected: str) -> None:
    assert slot_text(value, PLAIN) == expected


@pytest.mark.parametrize("value", missing, ids=repr)
def test_a_missing_value_has_no_text(value: object) -> None:
    assert normal(value) is None
    assert [
        slot_text(value, Slot("x", conversion, spec))
        for conversion in (None, "r", "s", "a")
        for spec in ("", ">5")
    ] == [None] * 8


@pytest.mark.parametrize("value", missing, ids=repr)
def test_a_missing_value_in_a_list_is_null_and_in_a_dict_is_left_out(value: object) -> None:
    cell = {"list": [value, 1], "dict": {"gone": value, "here": 1}, "gone": value}

    assert text(cell, column="x") == '{"dict": {"here": 1}, "list": [null, 1]}'


@patient
@given(value=st.sampled_from(missing), conversion=st.sampled_from(["r", "s", "a"]))
def test_no_conversion_brings_a_missing_value_back(value: object, conversion: str) -> None:
    assert slot_text([value, {"k": value}], Slot("x", conversion)) == "[null, {}]"


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


@patient
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


@patient
@given(values=st.lists(exact_integers, min_size=1, max_size=4))
def test_a_null_that_makes_floats_of_integers_changes_no_text(values: list[int]) -> None:
    widened = pa.array(pd.Series([*values, None]), from_pandas=True)

    assert widened.type == pa.float64()
    assert printed(widened)[:-1] == printed(pa.array(values))


@patient
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


@pytest.mark.parametrize(
    ("value", "slot", "expected"),
    [
        (3.0, Slot("x", None, ".2f"), "3.00"),
        (3.0, Slot("x", None, "d"), "3"),
        (3.0, Slot("x", None, ".3"), "3.0"),
        (1234567, Slot("x", None, ","), "1,234,567"),
        (np.float32(0.1), Slot("x", None, ".8f"), "0.10000000"),
        ("ab", Slot("x", None, ">4"), "  ab"),
        ("it's", Slot("x", "r"), '"it\'s"'),
        ("é", Slot("x", "a"), "'\\xe9'"),
        ("é", Slot("x", "s", ">3"), "  é"),
        (["é"], Slot("x", "a"), '["\\xe9"]'),
        (pd.Timestamp("2026-01-02"), Slot("x", "r"), "2026-01-02"),
        (pd.Timestamp("2026-01-02 03:04"), Slot("x", None, "%d.%m.%Y"), "02.01.2026"),
        (dt.date(2026, 1, 2), Slot("x", None, "%d.%m.%Y"), "02.01.2026"),
        (dt.time(3, 4), Slot("x", None, "%H"), "03"),
        (dt.date(2026, 1, 2), Slot("x", "s", ">12"), "  2026-01-02"),
        (Decimal("1.500"), Slot("x", None, ".2f"), "1.50"),
    ],
)
def test_a_conversion_and_a_spec_work_on_the_normal_value(value: object, slot: Slot, expected: str) -> None:
    assert slot_text(value, slot) == expected


@pytest.mark.parametrize(
    ("value", "spec"),
    [
        ("many", ".2f"),
        (0.5, "d"),
        (-1, "c"),
        (10**400, ".2f"),
        ([1], ">5"),
        (b"x", ">5"),
        (dt.date(2026, 1, 2), ".2f"),
        (pd.Timestamp("2026-01-02 03:04"), ">20"),
        (dt.time(3, 4), "5"),
        (dt.timedelta(1), ">5"),
    ],
)
def test_a_spec_that_does_not_fit_names_column_value_and_spec(value: object, spec: str) -> None:
    with pytest.raises(
        InputError, match=r"Column 'x' holds .+, which the format spec '.+' does not fit: .+\. Nothing"
    ):
        slot_text(value, Slot("x", None, spec))


def test_an_error_shows_only_the_beginning_of_a_long_value() -> None:
    with pytest.raises(InputError) as caught:
        slot_text("a" * 10_000, Slot("x", None, ".2f"))

    assert "'" + "a" * 59 + "…, which" in str(caught.value)


@pytest.mark.parametrize("slot", [PLAIN, Slot("x", "r"), Slot("x", "s", ">5")])
@pytest.mark.parametrize(
    "cell", [b"x", bytearray(b"x"), memoryview(b"x"), [b"x"], {"k": b"x"}, {b"x": 1}], ids=repr
)
def test_bytes_are_refused_with_the_way_to_decode_them(cell: object, slot: Slot) -> None:
    with pytest.raises(
        InputError, match=r"Column 'x' holds bytes.*df\['x'\]\.str\.decode\('utf-8'\)\. Nothing was sent"
    ):
        render([cell], slot)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(1)])
def test_a_bytes_column_is_refused_unless_it_is_all_null(kind: pa.DataType) -> None:
    assert printed(pa.nulls(2, kind)) == [None, None]
    with pytest.raises(InputError, match="holds bytes"):
        render(pa.array([None, b"x"], kind), PLAIN)


@pytest.mark.parametrize(
    "cell", [Wordless(), printed, (word for word in "a"), Worded().__str__, BytesIO(), [Wordless()]]
)
def test_an_object_that_prints_as_its_address_is_refused(cell: object) -> None:
    with pytest.raises(
        InputError, match=r"Column 'x' holds objects of type '\w+', which have no text of their own"
    ):
        render([cell], PLAIN)


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


@patient
@given(values=st.lists(st.none() | texts, max_size=5))
def test_a_cell_is_never_expanded_again(values: list[str | None]) -> None:
    assert printed(values) == values
    assert printed(pa.array(values, pa.string())) == values
