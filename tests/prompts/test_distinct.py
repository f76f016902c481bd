"""Equal keys are found as a dictionary would find them."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.prompts.distinct import distinct
from dwbatch.prompts.identity import KEY

# Halves of a few kinds only, so that many keys share one of them, or both.
HALVES = st.sampled_from([b"a" * 8, b"b" * 8, b"c" * 8])
KEYS = st.tuples(HALVES, HALVES).map(b"".join)


@given(keys=st.lists(st.none() | KEYS, max_size=30), skip=st.integers(0, 3))
def test_distinct_keys_stand_in_the_order_of_their_first_rows(keys: list[bytes | None], skip: int) -> None:
    array = pa.array([*[b"z" * 16] * skip, *keys], KEY).slice(skip)

    first, codes = distinct(array)

    present = list(dict.fromkeys(key for key in keys if key is not None))
    assert first.tolist() == [keys.index(key) for key in present]
    assert codes.tolist() == [-1 if key is None else present.index(key) for key in keys]


def test_keys_of_which_no_two_are_equal_are_their_own_places() -> None:
    array = pa.array([bytes([number]) * 16 for number in range(200)], KEY)

    first, codes = distinct(array)

    assert np.array_equal(first, np.arange(200))
    assert np.array_equal(codes, np.arange(200))
