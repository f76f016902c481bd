"""Rows read from files make the requests that the same rows make in a frame; lines come from wherever rows stand."""

import datetime as dt
import decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwbatch.engine.source import SourceChangedError
from dwbatch.frames import read_columns
from dwbatch.parquet.files import find_files
from dwbatch.parquet.reading import Contents, FilesSource, read_contents
from dwbatch.prompts.encode import compile_body
from dwbatch.prompts.requests import Recipe, read_rows, write_lines
from dwbatch.prompts.rows import Rows
from dwbatch.prompts.template import parse

MOST = 10**6


def recipe_of(*names: str) -> Recipe:
    template = parse(" ".join(f"{{{name}}}" for name in names), where="prompt")
    body = {"model": "m", "messages": [{"role": "user", "content": template}]}
    return Recipe(endpoint="/v1/chat/completions", body=compile_body(body))


def contents_of(path: Path, *names: str, dedupe: bool = True) -> Contents:
    return read_contents(find_files(path), names, recipe_of(*names), dedupe=dedupe, max_bytes=MOST)


def rows_of(frame: pd.DataFrame, *names: str, dedupe: bool = True) -> Rows:
    columns = read_columns(frame, names)
    return read_rows(columns, recipe_of(*names), n_rows=len(frame), dedupe=dedupe, max_bytes=MOST)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["a", None, "b"]),
        pd.Series(["a", "a", None], dtype="category"),
        pd.Series([1.0, 2.5, np.nan]),
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([True, False, None], dtype="boolean"),
        pd.Series(["2026-11-22", "2026-11-22T10:30", None], dtype="datetime64[us]"),
        pd.Series(["2026-11-22", None], dtype="datetime64[us, UTC]"),
        pd.Series([decimal.Decimal("1.50"), None]),
        pd.Series([dt.date(2026, 11, 22), None]),
        pd.Series([["x", "y"], None, []]),
        pd.Series([{"a": 1}, None]),
    ],
    ids=lambda series: str(series.dtype),
)
def test_a_column_says_the_same_from_a_file_as_from_the_frame_that_pandas_reads(
    tmp_path: Path, values: pd.Series
) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"x": values}).to_parquet(path)

    from_file = contents_of(path, "x").rows
    from_frame = rows_of(pd.read_parquet(path), "x")

    assert from_file.keys.equals(from_frame.keys)
    assert from_file.skipped.equals(from_frame.skipped)


@settings(max_examples=30)
@given(
    texts=st.lists(st.none() | st.text(max_size=4), max_size=20),
    group=st.integers(1, 7),
    dedupe=st.booleans(),
)
def test_cut_into_row_groups_anyhow_rows_keep_their_keys(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str | None], group: int, *, dedupe: bool
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.parquet"
    frame = pd.DataFrame({"x": pd.Series(texts, dtype="string")})
    frame.to_parquet(path, row_group_size=group)

    read, whole = contents_of(path, "x", dedupe=dedupe).rows, rows_of(frame, "x", dedupe=dedupe)

    assert read.keys.equals(whole.keys)
    assert read.body_sizes.tolist() == whole.body_sizes.tolist()


def source_of(path: Path) -> FilesSource:
    return FilesSource(find_files(path), contents_of(path, "x"), ("x",), recipe_of("x"))


def requests_of(contents: Contents, positions: list[int]) -> pa.Table:
    keys = contents.rows.keys.take(pa.array(positions))
    ids = pa.array([f"id-{position}" for position in positions])
    return pa.table({"custom_id": ids, "request_key": keys, "position": pa.array(positions, pa.int64())})


@settings(max_examples=30)
@given(positions=st.lists(st.integers(0, 19), min_size=1, max_size=10, unique=True))
def test_lines_come_in_the_order_asked_from_any_rows(
    tmp_path_factory: pytest.TempPathFactory, positions: list[int]
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.parquet"
    frame = pd.DataFrame({"x": [f"row {number}" for number in range(20)]})
    frame.to_parquet(path, row_group_size=6)
    source = source_of(path)
    requests = requests_of(source.contents, positions)

    found = b"".join(lines.payload for lines in source.lines(requests))

    expected = write_lines(
        read_columns(frame, ["x"]),
        recipe_of("x"),
        rows=np.array(positions),
        custom_ids=requests["custom_id"].combine_chunks().cast(pa.large_string()),
        occurrences=np.zeros(len(positions), dtype=np.int64),
    )
    assert found == b"".join(lines.payload for lines in expected)


def test_rows_that_moved_are_found_by_what_they_say(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"x": ["a", "b", "c"]}).to_parquet(path)
    planned = requests_of(contents_of(path, "x"), [0, 2])
    pd.DataFrame({"x": ["new", "c", "a"]}).to_parquet(path)

    found = b"".join(lines.payload for lines in source_of(path).lines(planned))

    assert [line.count(b'"content":"a"') for line in found.splitlines()] == [1, 0]


def test_the_first_row_that_is_gone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"x": ["a", "b", "c"]}).to_parquet(path)
    planned = requests_of(contents_of(path, "x"), [0, 1, 2])
    pd.DataFrame({"x": ["a"]}).to_parquet(path)

    with pytest.raises(SourceChangedError, match="id-1"):
        list(source_of(path).lines(planned))
