"""A row finds its result by key, whatever the order of the results."""

import random

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.engine.align import align

ROW_KEYS = pa.array([b"b" * 16, None, b"a" * 16, b"z" * 16, b"b" * 16], pa.binary(16))
RESULTS = [(b"a" * 16, "ok", "A"), (b"b" * 16, "failed", "?"), (b"b" * 16, "ok", "B"), (b"c" * 16, "ok", "C")]


def table_of(results: list[tuple[bytes, str, str]]) -> pa.Table:
    keys, statuses, answers = zip(*results, strict=True)
    return pa.table({"key": pa.array(keys, pa.binary(16)), "status": statuses, "answer": answers})


def test_rows_with_equal_keys_share_a_result_and_rows_without_one_have_none() -> None:
    assert align(ROW_KEYS, table_of(RESULTS)).to_pylist() == [2, None, 0, None, 2]


@given(st.randoms(use_true_random=False), st.lists(st.sampled_from(RESULTS)))
def test_any_order_with_any_results_doubled_aligns_alike(
    order: random.Random, doubled: list[tuple[bytes, str, str]]
) -> None:
    results = [*RESULTS, *doubled]
    order.shuffle(results)
    table = table_of(results)

    answers = table["answer"].take(align(ROW_KEYS, table))

    assert answers.to_pylist() == ["B", None, "A", None, "B"]


def test_results_in_several_chunks_align_as_one_table_does() -> None:
    chunked = pa.concat_tables([table_of(RESULTS[:2]), table_of(RESULTS[2:])])

    assert align(ROW_KEYS, chunked).to_pylist() == [2, None, 0, None, 2]


def test_results_that_stand_like_their_rows_are_found_in_their_places() -> None:
    table = table_of([(bytes([number]) * 16, "ok", "?") for number in range(5)])

    assert align(table["key"].combine_chunks(), table).to_pylist() == [0, 1, 2, 3, 4]


def test_a_row_without_a_request_takes_no_result_that_has_no_key() -> None:
    keys = pa.array([None, b"a" * 16], pa.binary(16))

    assert align(keys, pa.table({"key": keys, "status": ["ok", "ok"]})).to_pylist() == [None, 1]


def test_no_results_leave_every_row_without_one() -> None:
    assert align(ROW_KEYS, table_of(RESULTS).slice(0, 0)).to_pylist() == [None] * 5


def test_no_rows_make_an_empty_alignment() -> None:
    alignment = align(pa.array([], pa.binary(16)), table_of(RESULTS))

    assert alignment.type == pa.int64()
    assert len(alignment) == 0
