"""What is written of requests and results is what is read, whatever stands in them."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwbatch.answers.vectors import VECTOR
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import REQUESTS, RESULTS
from dwbatch.checkpoint.shard import Shard, State

pytestmark = pytest.mark.promise

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
OF_TYPE: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.string(): texts,
    pa.large_string(): texts,
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.binary(16): st.binary(min_size=16, max_size=16),
    VECTOR: st.lists(st.floats(width=32, allow_nan=False), max_size=5),
}


def rows_of(schema: pa.Schema) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Any rows that a schema allows, nulls where it allows them."""
    fields = {
        field.name: st.none() | OF_TYPE[field.type] if field.nullable else OF_TYPE[field.type]
        for field in schema
    }
    return st.lists(st.fixed_dictionaries(fields), max_size=6)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """One folder for all examples: each writes over the one before, as life does."""
    checkpoint = Checkpoint(tmp_path_factory.mktemp("job"))
    checkpoint.open()
    return checkpoint


@settings(max_examples=30)
@given(rows=rows_of(REQUESTS))
def test_what_is_written_of_requests_is_what_is_read(
    checkpoint: Checkpoint, rows: list[dict[str, Any]]
) -> None:
    checkpoint.write_requests(3, pa.Table.from_pylist(rows, schema=REQUESTS))

    assert checkpoint.requests(3).to_pylist() == rows
    assert checkpoint.requests(3).schema.equals(REQUESTS)


@settings(max_examples=30)
@given(rows=rows_of(RESULTS), columns=st.permutations(RESULTS.names), most=st.integers(1, len(RESULTS)))
def test_what_is_written_of_results_is_what_is_read(
    checkpoint: Checkpoint, rows: list[dict[str, Any]], columns: list[str], most: int
) -> None:
    some = columns[:most]

    checkpoint.write_results(3, pa.Table.from_pylist(rows, schema=RESULTS))

    assert checkpoint.results(3).to_pylist() == rows
    assert checkpoint.results(3).schema.equals(RESULTS)
    assert checkpoint.results(3, some).to_pylist() == [{name: row[name] for name in some} for row in rows]


def test_a_file_that_is_replaced_meanwhile_is_read_as_it_was_or_as_it_is(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "job")
    checkpoint.open()
    planned = Shard(0, "t", "j", "r", "s", State.PLANNED, 1, 1, "/v1/chat/completions", "24h")
    made = [[replace(planned, number=number, recipe="r" * number)] for number in range(30)]
    checkpoint.write_shards(made[0])
    has_read = threading.Event()

    def write() -> None:
        for shards in itertools.cycle(made):
            checkpoint.write_shards(shards)
            if has_read.is_set():
                return

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            found = [checkpoint.shards() for _ in range(500)]
        finally:
            has_read.set()
        writing.result()

    assert all(shards in made for shards in found)
