"""What rows ask for, read part by part: joined it is as if they had been read at once."""

import pickle
from itertools import chain

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.prompts.identity import KEY
from dwbatch.prompts.rows import Rows, no_texts
from tests.benchmarks.measure import resident

keys = st.sampled_from([b"a" * 16, b"b" * 16, b"c" * 16])
codes = st.sampled_from([None, "null_input"])
# A key and its size, the code of a row without a request, and why.
row = st.tuples(keys, codes, st.none() | st.just("because"))


def rows_of(cells: list[tuple[bytes, str | None, str | None]]) -> Rows:
    """Such rows as one part."""
    made = [None if code else key for key, code, _ in cells]
    reasons = [why if code else None for _, code, why in cells]
    return Rows(
        keys=pa.array(made, KEY),
        body_sizes=np.array([key is not None for key in made], dtype=np.int32) * 7,
        skipped=pa.array([code for _, code, _ in cells], pa.string()),
        occurrences=np.zeros(len(cells), dtype=np.int64),
        reasons=pa.array(reasons, pa.string()) if any(reasons) else None,
    )


@given(st.lists(st.lists(row, max_size=4), max_size=4), st.booleans())
def test_parts_joined_say_what_the_whole_says(
    cells: list[list[tuple[bytes, str | None, str | None]]],
    dedupe: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    whole = Rows.joined([rows_of(list(chain(*cells)))], dedupe=dedupe)
    parts = [rows_of(part) for part in cells]

    joined = Rows.joined(parts, dedupe=dedupe)

    assert not parts
    assert joined.keys.equals(whole.keys)
    assert joined.skipped.equals(whole.skipped)
    assert joined.body_sizes.tolist() == whole.body_sizes.tolist()
    assert joined.occurrences.tolist() == whole.occurrences.tolist()
    assert (joined.reasons is None) == (whole.reasons is None)
    assert joined.reasons is None or joined.reasons.equals(whole.reasons)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 4096, 100_000])
def test_nulls_without_memory_are_nulls(count: int) -> None:
    found = no_texts(count)

    found.validate(full=True)
    assert found.equals(pa.nulls(count, pa.string()))
    assert pickle.loads(pickle.dumps(found)).equals(found)  # noqa: S301 - our own
    assert pa.concat_arrays([found, pa.array(["a"])]).to_pylist() == [None] * count + ["a"]
    assert len(found.dictionary_encode().dictionary) == 0


def test_nulls_without_memory_take_none() -> None:
    before = resident()

    found = no_texts(50_000_000)

    assert found.null_count == len(found)
    assert resident() - before < 20_000_000
