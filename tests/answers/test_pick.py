"""One result a request, the best there is, whatever the order of the lines."""

import logging
import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.answers.decode import decode
from dwbatch.answers.pick import best, settle
from dwbatch.answers.results import LINES as LINES_SCHEMA
from dwbatch.columns import STATUS_RANK, Status

from .wire import chat_line, error_line

LINES = [chat_line("r-1", "one"), chat_line("r-2", "tw", "length"), error_line("r-3", "it broke")]
CUSTOM_IDS = pa.array(["r-1", "r-2", "r-3", "r-4"])


def statuses_and_marks(*pairs: tuple[str | None, str]) -> pa.Table:
    """A table whose `mark` tells the rows apart."""
    names, statuses = zip(*pairs, strict=True)
    return pa.table({"name": pa.array(names, pa.string()), "status": statuses, "mark": range(len(pairs))})


@pytest.mark.parametrize("worse", list(Status)[1:])
def test_an_answer_is_never_hidden_by_a_later_failure(worse: Status) -> None:
    table = statuses_and_marks(("a", worse), ("a", "ok"), ("a", worse))

    assert best(table, "name")["mark"].to_pylist() == [1]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(list(Status))), max_size=12))
def test_the_best_is_first_by_rank_then_the_newest(pairs: list[tuple[str, Status]]) -> None:
    table = pa.table(
        {
            "name": pa.array([name for name, _ in pairs], pa.string()),
            "status": pa.array([str(status) for _, status in pairs], pa.string()),
            "mark": pa.array(range(len(pairs)), pa.int64()),
        }
    )
    expected: dict[str, tuple[int, int]] = {}
    for mark, (name, status) in enumerate(pairs):
        expected[name] = min(expected.get(name, (99, 0)), (STATUS_RANK[status], -mark))

    marks = best(table, "name")["mark"].to_pylist()

    assert marks == sorted(-newest for _, newest in expected.values())


def test_rows_without_a_name_are_left_out() -> None:
    table = statuses_and_marks((None, "ok"), ("a", "failed"), (None, "ok"))

    assert best(table, "name")["mark"].to_pylist() == [1]


def test_keys_of_fixed_size_are_names_too() -> None:
    keys = pa.array([b"b" * 16, b"a" * 16, b"b" * 16, None], pa.binary(16))
    table = pa.table({"key": keys, "status": ["failed", "ok", "ok", "ok"], "mark": range(4)})

    assert best(table, "key")["mark"].to_pylist() == [1, 2]


def test_a_status_of_a_later_version_ranks_last() -> None:
    table = statuses_and_marks(("a", "missing"), ("a", "some_new_word"))

    assert best(table, "name")["mark"].to_pylist() == [0]


def test_every_request_has_one_row_in_the_order_of_the_requests() -> None:
    settled = settle(decode(reversed(LINES)), CUSTOM_IDS, batch_status="completed")

    assert settled["custom_id"].to_pylist() == ["r-1", "r-2", "r-3", "r-4"]
    assert settled["status"].to_pylist() == ["ok", "truncated", "failed", "missing"]
    assert settled["content"].to_pylist() == ["one", "tw", None, None]
    assert settled["error_code"].to_pylist() == [None, "max_tokens", "unknown_error", "no_result_line"]
    assert settled.schema == decode([]).schema


@given(st.randoms(use_true_random=False), st.lists(st.sampled_from(LINES)))
def test_any_order_with_any_lines_doubled_settles_alike(order: random.Random, doubled: list[bytes]) -> None:
    lines = [*LINES, *doubled]
    order.shuffle(lines)

    settled = settle(decode(lines), CUSTOM_IDS, batch_status="completed")

    expected = settle(decode(LINES), CUSTOM_IDS, batch_status="completed")
    assert settled.combine_chunks().equals(expected.combine_chunks())


@given(st.lists(st.tuples(st.sampled_from(["r-1", "r-2", "r-3", None]), st.sampled_from(list(Status)))))
def test_a_batch_settles_on_the_best_line_of_each_request(pairs: list[tuple[str | None, Status]]) -> None:
    rows = [
        {"custom_id": name, "line_id": str(at), "status": str(status)}
        for at, (name, status) in enumerate(pairs)
    ]
    lines = pa.Table.from_pylist(rows, schema=LINES_SCHEMA)

    settled = settle(lines, CUSTOM_IDS, batch_status="completed")

    found = {row["custom_id"]: row["line_id"] for row in settled.to_pylist() if row["line_id"] is not None}
    assert found == {row["custom_id"]: row["line_id"] for row in best(lines, "custom_id").to_pylist()}


@pytest.mark.parametrize(
    ("batch_status", "status", "code"),
    [
        ("completed", "missing", "no_result_line"),
        ("cancelled", "cancelled", "batch_cancelled"),
        ("cancelling", "cancelled", "batch_cancelled"),
        ("expired", "expired", "batch_expired"),
        ("failed", "failed", "batch_failed"),
        ("a_new_word", "missing", "no_result_line"),
    ],
)
def test_a_request_without_a_line_ends_as_its_batch_did(batch_status: str, status: str, code: str) -> None:
    row = settle(decode([]), pa.array(["r-1"]), batch_status=batch_status).to_pylist()[0]

    assert (row["status"], row["error_code"]) == (status, code)
    assert row["error"].endswith(".")


def test_a_batch_without_requests_settles_to_an_empty_table() -> None:
    settled = settle(decode([]), pa.array([], pa.string()), batch_status="completed")

    assert settled.schema == decode([]).schema
    assert len(settled) == 0


def test_a_missing_row_mentions_lines_that_could_not_be_read() -> None:
    settled = settle(decode([b"junk\n", b"more\n"]), pa.array(["r-1"]), batch_status="completed")

    assert settled["error"][0].as_py() == (
        "The batch is over and has no result line for this request. "
        "2 lines of its files name no request that could be read."
    )


def test_lines_of_another_batch_are_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    lines = decode([*LINES, chat_line("secret-id", "secret answer")])

    with caplog.at_level(logging.WARNING):
        settled = settle(lines, CUSTOM_IDS, batch_status="completed")

    assert len(settled) == 4
    assert caplog.messages == ["0 result lines name no request, 1 name one of another batch"]
