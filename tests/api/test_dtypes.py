"""Every dtype of pandas through the door: what a cell says in a prompt."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from dwbatch import InputError
from dwbatch.local import Server
from tests.api.calling import at, texts


class Size(Enum):
    BIG = "big"


COLUMNS: dict[str, tuple[Any, list[str | None]]] = {
    "str": (pd.Series(["a", None]), ["a", None]),
    "string": (pd.Series(["a", None], dtype="string"), ["a", None]),
    "string[python]": (pd.Series(["a", None], dtype="string[python]"), ["a", None]),
    "object": (
        pd.Series(
            [1, "a", 2.0, [1, 2], {"b": 1}, dt.date(2026, 1, 2), True, Decimal("1.50"), None], dtype=object
        ),
        ["1", "a", "2", "[1, 2]", '{"b": 1}', "2026-01-02", "True", "1.5", None],
    ),
    "int64": (pd.Series([1, -(2**63)]), ["1", "-9223372036854775808"]),
    "uint8": (pd.Series([0, 255], dtype="uint8"), ["0", "255"]),
    "float64": (pd.Series([1.0, 0.1, 1e300, np.inf, np.nan]), ["1", "0.1", "1e+300", "inf", None]),
    "float32": (pd.Series([0.1, 2], dtype="float32"), ["0.1", "2"]),
    "bool": (pd.Series([True, False]), ["True", "False"]),
    "Int64": (pd.Series([1, None], dtype="Int64"), ["1", None]),
    "Float64": (pd.Series([1.5, None], dtype="Float64"), ["1.5", None]),
    "boolean": (pd.Series([True, None], dtype="boolean"), ["True", None]),
    "complex": (pd.Series([1 + 2j, complex("nan")]), ["(1+2j)", None]),
    "category of texts": (pd.Series(["b", "a", None], dtype="category"), ["b", "a", None]),
    "category of integers": (pd.Series(pd.Categorical([2, 1, None])), ["2", "1", None]),
    "category of intervals": (pd.cut(pd.Series([1, None]), [0, 2]), ["(0.0, 2.0]", None]),
    "category of mixed": (pd.Series(pd.Categorical([1, "a"])), ["1", "a"]),
    "datetime64[ns]": (pd.Series(pd.DatetimeIndex(["2026-01-02", pd.NaT])), ["2026-01-02", None]),
    "datetime64[s]": (
        pd.Series(pd.to_datetime(["2026-01-02 03:04:05"])).astype("datetime64[s]"),
        ["2026-01-02 03:04:05"],
    ),
    "datetime64[ns, tz]": (
        pd.Series(pd.DatetimeIndex(["2026-01-02", pd.NaT])).dt.tz_localize("Europe/Berlin"),
        ["2026-01-02 00:00:00+01:00", None],
    ),
    "timedelta": (pd.Series(pd.to_timedelta(["90min", None])), ["0 days 01:30:00", None]),
    "period": (pd.Series(pd.period_range("2026-01", periods=2, freq="M")), ["2026-01", "2026-02"]),
    "interval": (pd.Series(pd.interval_range(0, 2)), ["(0, 1]", "(1, 2]"]),
    "sparse float": (pd.Series(pd.arrays.SparseArray([1.0, 0.0, np.nan])), ["1", "0", None]),
    "sparse integer": (pd.Series(pd.arrays.SparseArray([1, 0])), ["1", "0"]),
    "arrow string": (pd.Series(["a", None], dtype=pd.ArrowDtype(pa.string())), ["a", None]),
    "arrow NaN": (
        pd.Series(pd.arrays.ArrowExtensionArray(pa.array([1.5, float("nan"), None]))),
        ["1.5", None, None],
    ),
    "arrow date": (
        pd.Series([dt.date(2026, 1, 2), None], dtype=pd.ArrowDtype(pa.date32())),
        ["2026-01-02", None],
    ),
    "arrow timestamp": (
        pd.Series(
            [dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC)], dtype=pd.ArrowDtype(pa.timestamp("ms", "UTC"))
        ),
        ["2026-01-02 03:00:00+00:00"],
    ),
    "arrow decimal": (pd.Series([Decimal("1.50")], dtype=pd.ArrowDtype(pa.decimal128(10, 2))), ["1.5"]),
    "arrow list": (
        pd.Series([[1, None], None], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        ["[1, null]", None],
    ),
    "arrow struct": (
        pd.Series([{"b": 1, "a": None}], dtype=pd.ArrowDtype(pa.struct({"b": pa.int64(), "a": pa.string()}))),
        ['{"b": 1}'],
    ),
    "arrow dictionary": (
        pd.Series(["a", None], dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
        ["a", None],
    ),
    "arrow null": (pd.Series([None], dtype=pd.ArrowDtype(pa.null())), [None]),
    "string[pyarrow]": (pd.Series(["a", None], dtype="string[pyarrow]"), ["a", None]),
    "category in order": (
        pd.Series(pd.Categorical(["lo", None], categories=["hi", "lo"], ordered=True)),
        ["lo", None],
    ),
    "datetime64[ns] to the nanosecond": (
        pd.Series(pd.DatetimeIndex(["2026-01-02 00:00:00.000000001"])),
        ["2026-01-02 00:00:00.000000001"],
    ),
    "datetime64[us, UTC]": (
        pd.Series(pd.to_datetime(["2026-01-02"], utc=True)).astype("datetime64[us, UTC]"),
        ["2026-01-02 00:00:00+00:00"],
    ),
    "period with a gap": (pd.Series(pd.PeriodIndex(["2026Q1", None], freq="Q")), ["2026Q1", None]),
    "arrow large string": (pd.Series(["a", None], dtype=pd.ArrowDtype(pa.large_string())), ["a", None]),
    "arrow truth": (pd.Series([True, None], dtype=pd.ArrowDtype(pa.bool_())), ["True", None]),
    "arrow float32": (pd.Series([0.1, None], dtype=pd.ArrowDtype(pa.float32())), ["0.1", None]),
    "arrow time": (
        pd.Series([dt.time(3, 4), None], dtype=pd.ArrowDtype(pa.time64("us"))),
        ["03:04:00", None],
    ),
    "arrow duration": (
        pd.Series([dt.timedelta(minutes=90), None], dtype=pd.ArrowDtype(pa.duration("us"))),
        ["0 days 01:30:00", None],
    ),
    "arrow map": (
        pd.Series([[("a", 1)], None], dtype=pd.ArrowDtype(pa.map_(pa.string(), pa.int64()))),
        ['[["a", 1]]', None],
    ),
    "all kinds of missing": (
        pd.Series([None, np.nan, pd.NA, pd.NaT, Decimal("NaN"), "a"], dtype=object),
        [None, None, None, None, None, "a"],
    ),
    "choices": (pd.Series([Size.BIG, None], dtype=object), ["big", None]),
    "numpy arrays": (pd.Series([np.array([1.0, 0.5])]), ["[1, 0.5]"]),
}

NO_TEXT: dict[str, Any] = {
    "bytes": pd.Series([b"a"]),
    "bytes among texts": pd.Series(["a", b"a"], dtype=object),
    "arrow binary": pd.Series([b"a"], dtype=pd.ArrowDtype(pa.binary())),
    "category of bytes": pd.Series(pd.Categorical([b"a"])),
    "bytes in a list": pd.Series([["a", b"a"]]),
}


@pytest.fixture(scope="module")
def echo() -> Iterator[Server]:
    """One server for all dtypes; every test has a folder of its own."""
    with Server() as server:
        yield server


@pytest.mark.parametrize("dtype", COLUMNS)
def test_a_cell_says_its_value(echo: Server, dtype: str) -> None:
    column, expected = COLUMNS[dtype]

    out = at(echo)(pd.DataFrame({"text": column}), "{text}", dedupe=True)

    said = [None if pd.isna(answer) else answer.removeprefix("echo: ") for answer in out["response"]]
    assert said == expected
    pd.testing.assert_series_equal(out["text"], column.rename("text"))


@pytest.mark.parametrize(
    "dtype", ["category of intervals", "period", "arrow struct", "sparse float", "string"]
)
def test_a_dtype_survives_a_cut_a_filter_and_a_turn(echo: Server, dtype: str) -> None:
    column, expected = COLUMNS[dtype]
    frame = pd.DataFrame({"text": column}).iloc[::-1].iloc[:1]

    out = at(echo)(frame, "{text}")

    assert out["response_status"].tolist() == ["skipped" if expected[-1] is None else "ok"]


@pytest.mark.parametrize("dtype", NO_TEXT)
def test_bytes_are_refused_by_the_name_of_their_column(echo: Server, dtype: str) -> None:
    asked = len(echo.exchanges())

    with pytest.raises(
        InputError, match=r"Column 'text' holds bytes, .*decode them first.* Nothing was sent\."
    ):
        at(echo)(pd.DataFrame({"text": NO_TEXT[dtype]}))

    assert len(echo.exchanges()) == asked


def test_an_object_that_prints_as_its_address_is_refused(echo: Server) -> None:
    with pytest.raises(InputError, match="Column 'text' holds objects of type 'object'"):
        at(echo)(texts(object()))


def test_a_format_spec_that_does_not_fit_names_column_and_value(echo: Server) -> None:
    with pytest.raises(
        InputError, match=r"Column 'text' holds 'one', which the format spec '\.2f' does not fit"
    ):
        at(echo)(texts("one"), "{text:.2f}")


def test_levels_of_an_index_are_read_as_columns_are(echo: Server) -> None:
    levels: list[Any] = [pd.DatetimeIndex(["2026-01-02", pd.NaT]), pd.Categorical(["x", "y"]), [1.0, 2.0]]
    frame = pd.DataFrame(
        {"text": ["a", "b"]}, index=pd.MultiIndex.from_arrays(levels, names=["day", "kind", "n"])
    )

    out = at(echo)(frame, "{day} {kind} {n} {text}")

    assert out["response"].astype(object).where(out["response"].notna(), None).tolist() == [
        "echo: 2026-01-02 x 1 a",
        None,
    ]


def test_a_name_that_two_levels_share_is_no_column(echo: Server) -> None:
    frame = pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)], names=["text", "text"]))

    with pytest.raises(InputError, match="Column 'text' is named in the prompt but not in the frame"):
        at(echo)(frame)
