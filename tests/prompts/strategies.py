"""What cells and frames can hold, for the properties of this folder."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import settings
from hypothesis import strategies as st

# For properties that run once a type.
brief = settings(max_examples=25)

# Everything that JSON, templates, or a split of lines could trip over.
AWKWARD = '"\\/{}\x00\x01\x08\t\n\x0b\x0c\r\x1f \x7f\x85\xa0é€\u2028\u2029\ufeff\uffff😀!:'

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.text(AWKWARD, max_size=12)
# Beyond 2**53 a null in the column would cost the integer its last digits, in pandas itself.
exact_integers = st.integers(-(2**53) + 1, 2**53 - 1)
moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))  # noqa: DTZ001 - naive is meant
decimals = st.decimals(-(10**12), 10**12, places=3)
dates = st.dates()

nested = st.fixed_dictionaries(
    {"whole": exact_integers | st.none()},
    optional={
        "text": texts,
        "parts": st.lists(exact_integers | st.none(), max_size=3),
        "day": dates,
        "moment": moments,
        "price": decimals | st.none(),
        "ratio": st.floats() | st.none(),
        "inner": st.fixed_dictionaries({"yes": st.booleans() | st.none()}),
    },
)


def _cut_to(unit_us: int) -> Callable[[dt.datetime], dt.datetime]:
    return lambda moment: moment.replace(microsecond=moment.microsecond // unit_us * unit_us)


def _integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


def _aware(zone: str) -> st.SearchStrategy[dt.datetime]:
    return moments.map(lambda moment: moment.replace(tzinfo=dt.UTC).astimezone(ZoneInfo(zone)))


def _durations(unit_us: int) -> st.SearchStrategy[dt.timedelta]:
    return st.integers(-(10**9), 10**9).map(lambda count: dt.timedelta(microseconds=count * unit_us))


nanoseconds = st.integers(-(2**62), 2**62)

# Each Arrow type with the Python objects that it can hold.
ARROW_CELLS: dict[str, tuple[pa.DataType, st.SearchStrategy[object]]] = {
    "string": (pa.string(), texts),
    "large_string": (pa.large_string(), texts),
    "string_view": (pa.string_view(), texts),
    **{
        f"int{bits}": (pa.type_for_alias(f"int{bits}"), _integers(bits, signed=True))
        for bits in (8, 16, 32, 64)
    },
    **{
        f"uint{bits}": (pa.type_for_alias(f"uint{bits}"), _integers(bits, signed=False))
        for bits in (8, 16, 32, 64)
    },
    "float16": (pa.float16(), st.floats(width=16).map(np.float16)),
    "float32": (pa.float32(), st.floats(width=32).map(np.float32)),
    "float64": (pa.float64(), st.floats()),
    "bool": (pa.bool_(), st.booleans()),
    "date32": (pa.date32(), dates),
    "date64": (pa.date64(), dates),
    "timestamp_s": (pa.timestamp("s"), moments.map(_cut_to(1_000_000))),
    "timestamp_ms": (pa.timestamp("ms"), moments.map(_cut_to(1_000))),
    "timestamp_us": (pa.timestamp("us"), moments),
    "timestamp_ns": (pa.timestamp("ns"), nanoseconds.map(pd.Timestamp)),
    "timestamp_s_tz": (pa.timestamp("s", "Europe/Berlin"), _aware("Europe/Berlin").map(_cut_to(1_000_000))),
    "timestamp_ms_tz": (pa.timestamp("ms", "America/Lima"), _aware("America/Lima").map(_cut_to(1_000))),
    "timestamp_us_tz": (pa.timestamp("us", "Asia/Kolkata"), _aware("Asia/Kolkata")),
    "timestamp_ns_tz": (
        pa.timestamp("ns", "UTC"),
        nanoseconds.map(lambda count: pd.Timestamp(count, tz="UTC")),
    ),
    "time32_s": (pa.time32("s"), st.times().map(lambda time: time.replace(microsecond=0))),
    "time64_us": (pa.time64("us"), st.times()),
    "duration_s": (pa.duration("s"), _durations(1_000_000)),
    "duration_ms": (pa.duration("ms"), _durations(1_000)),
    "duration_us": (pa.duration("us"), _durations(1)),
    "duration_ns": (pa.duration("ns"), nanoseconds.map(pd.Timedelta)),
    "decimal128": (pa.decimal128(30, 3), decimals),
    "decimal256": (pa.decimal256(60, 20), decimals),
    "list": (pa.list_(pa.int64()), st.lists(exact_integers | st.none(), max_size=3)),
    "list_of_float32": (pa.list_(pa.float32()), st.lists(st.floats(width=32).map(np.float32), max_size=3)),
    "large_list": (pa.large_list(pa.string()), st.lists(texts, max_size=3)),
    "struct": (
        pa.struct([("a", pa.float32()), ("b", pa.float64()), ("c", pa.list_(pa.timestamp("ns")))]),
        st.fixed_dictionaries(
            {"a": st.floats(width=32).map(np.float32), "b": st.floats()},
            optional={"c": st.lists(nanoseconds.map(pd.Timestamp), max_size=2)},
        ),
    ),
    "map": (
        pa.map_(pa.string(), pa.float32()),
        st.lists(st.tuples(texts, st.floats(width=32).map(np.float32))),
    ),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), texts),
    "null": (pa.null(), st.none()),
}

missing: list[object] = [
    None,
    float("nan"),
    np.float32("nan"),
    pd.NA,
    pd.NaT,
    Decimal("NaN"),
    np.datetime64("NaT"),
]
