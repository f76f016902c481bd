"""Shards partition the requests within both limits, and are as few as can be."""

import json
from itertools import chain, pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.errors import InputError
from dwbatch.prompts.encode import compile_body
from dwbatch.prompts.requests import Recipe, write_lines
from dwbatch.prompts.shards import cut
from dwbatch.prompts.template import parse


@given(
    sizes=st.lists(st.integers(1, 50), max_size=40), most=st.integers(1, 6), max_bytes=st.integers(50, 120)
)
def test_shards_partition_the_requests_within_both_limits(
    sizes: list[int], most: int, max_bytes: int
) -> None:
    shards = cut(sizes, max_requests=most, max_bytes=max_bytes)

    assert list(chain.from_iterable(shards)) == list(range(len(sizes)))
    assert all(0 < len(shard) <= most for shard in shards)
    assert all(sum(sizes[place] for place in shard) <= max_bytes for shard in shards)


@given(
    sizes=st.lists(st.integers(1, 50), max_size=40), most=st.integers(1, 6), max_bytes=st.integers(50, 120)
)
def test_no_shard_could_take_the_next_ones_first_request(sizes: list[int], most: int, max_bytes: int) -> None:
    shards = cut(np.array(sizes, dtype=np.int64), max_requests=most, max_bytes=max_bytes)

    assert all(
        len(shard) == most or sum(sizes[place] for place in shard) + sizes[following.start] > max_bytes
        for shard, following in pairwise(shards)
    )


@pytest.mark.parametrize(
    ("spare", "expected"),
    [(-1, [range(1), range(1, 2), range(2, 3)]), (0, [range(2), range(2, 3)]), (1, [range(2), range(2, 3)])],
)
def test_text_of_many_bytes_a_character_is_cut_by_its_bytes(spare: int, expected: list[range]) -> None:
    recipe = Recipe("/v1/chat/completions", compile_body({"content": parse("{x}")}))
    [lines] = write_lines(
        {"x": ["é€😀\u2028"] * 3},
        recipe,
        rows=np.arange(3),
        custom_ids=pa.array(["a", "b", "c"], pa.large_string()),
        occurrences=np.zeros(3, dtype=np.int64),
    )
    sizes = [len(line.encode()) for line in lines.texts.to_pylist()]

    shards = cut(sizes, max_bytes=2 * sizes[0] + spare)

    assert json.loads(lines.texts[0].as_py())["body"] == {"content": "é€😀\u2028"}
    assert shards == expected


@pytest.mark.parametrize(("requests", "expected"), [(2, 1), (3, 1), (4, 2)])
def test_requests_are_counted_up_to_the_limit_itself(requests: int, expected: int) -> None:
    assert len(cut([1] * requests, max_requests=3)) == expected


@pytest.mark.parametrize("sizes", [[], np.zeros(0, dtype=np.int64)])
def test_no_requests_make_no_shards(sizes: list[int]) -> None:
    assert cut(sizes) == []


def test_a_row_too_large_for_any_shard_is_refused_by_number() -> None:
    with pytest.raises(
        InputError,
        match=r"Row 1 makes a request of 101 bytes, more than max_bytes_per_batch=100 allows\. Nothing was sent\.",
    ):
        cut([100, 101, 102], max_bytes=100)


@pytest.mark.parametrize("most", [0, -1])
def test_a_shard_without_room_is_refused(most: int) -> None:
    with pytest.raises(InputError, match=f"max_requests_per_batch={most} leaves no room for a request"):
        cut([1], max_requests=most)
