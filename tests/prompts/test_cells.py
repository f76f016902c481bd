"""A value has one text, wherever it comes from; a missing one has none."""

import datetime as dt
import enum
from collections import deque
from decimal import Decimal
from io import BytesIO
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.errors import InputError
from dwbatch.prompts.template import Slot
from dwbatch.prompts.values import normal, slot_text, text

from .strategies import missing

PLAIN = Slot("x")


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
        (pd.Timestamp("2026-01-02 03:04:05.5", tz="Asia/Kolkata"), "2026-01-02 03:04:05.5+05:30"),
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


@given(value=st.sampled_from(missing), conversion=st.sampled_from(["r", "s", "a"]))
def test_no_conversion_brings_a_missing_value_back(value: object, conversion: str) -> None:
    assert slot_text([value, {"k": value}], Slot("x", conversion)) == "[null, {}]"


@pytest.mark.parametrize(
    ("value", "slot", "expected"),
    [
        (3.0, Slot("x", None, ".2f"), "3.00"),
        (3.0, Slot("x", None, "d"), "3"),
        (3.0, Slot("x", None, ".3"), "3.0"),
        (1234567, Slot("x", None, ","), "1,234,567"),
        (np.float32(0.1), Slot("x", None, ".8f"), "0.10000000"),
        ("ab", Slot("x", None, ">4"), "  ab"),
        (Tone.KIND, Slot("x", None, ">6"), "  kind"),
        (Tone.KIND, Slot("x", "r"), "'kind'"),
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
    "cell",
    [b"x", bytearray(b"x"), memoryview(b"x"), [b"x"], {"k": b"x"}, {b"x": 1}],
    ids=lambda cell: type(cell).__name__,
)
def test_bytes_are_refused_with_the_way_to_decode_them(cell: object, slot: Slot) -> None:
    with pytest.raises(
        InputError, match=r"Column 'x' holds bytes.*df\['x'\]\.str\.decode\('utf-8'\)\. Nothing was sent"
    ):
        slot_text(cell, slot)


@pytest.mark.parametrize(
    "cell", [Wordless(), slot_text, (word for word in "a"), Worded().__str__, BytesIO(), [Wordless()]]
)
def test_an_object_that_prints_as_its_address_is_refused(cell: object) -> None:
    with pytest.raises(
        InputError, match=r"Column 'x' holds objects of type '\w+', which have no text of their own"
    ):
        slot_text(cell, PLAIN)
