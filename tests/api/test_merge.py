"""Answers are merged by position: whatever the index, no row moves and nothing of the user's changes."""

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwbatch.local import Server
from tests.api.calling import Run, at, texts

LETTERS = ["c", "a", "b", "a", "d"]
INDEXES: dict[str, pd.Index] = {
    "range": pd.RangeIndex(5),
    "range with a step": pd.RangeIndex(10, 0, -2),
    "labels": pd.Index(list("vwxyz"), name="label"),
    "duplicate labels": pd.Index([1, 1, 2, 1, 2]),
    "missing labels": pd.Index([1.0, np.nan, 2.0, np.nan, 3.0]),
    "mixed labels": pd.Index([1, "a", None, 2.5, (1, 2)], tupleize_cols=False),
    "multi": pd.MultiIndex.from_product([["x"], range(5)], names=["user", None]),
    "multi with duplicates": pd.MultiIndex.from_tuples([("x", 1)] * 5),
    "dates": pd.date_range("2026-01-01", periods=5, tz="Europe/Berlin"),
    "dates backwards": pd.date_range("2026-01-01", periods=5)[::-1],
    "periods": pd.period_range("2026-01", periods=5, freq="M"),
    "categories": pd.CategoricalIndex(list("aabba")),
    "intervals": pd.interval_range(0, 5),
}


@pytest.mark.parametrize("kind", INDEXES)
def test_every_index_stands_as_it_stood(run: Run, kind: str) -> None:
    frame = pd.DataFrame({"text": LETTERS, "n": range(5)}, index=INDEXES[kind])

    out = run(frame)

    assert out.index is frame.index
    assert out["response"].tolist() == [f"echo: say {letter}" for letter in LETTERS]
    pd.testing.assert_frame_equal(out[["text", "n"]], frame)


@pytest.mark.parametrize(
    "shape",
    [
        lambda frame: frame[frame["text"] != "a"],
        lambda frame: frame.sample(frac=1, random_state=1),
        lambda frame: frame.sort_values("text"),
        lambda frame: frame.iloc[::-1],
        lambda frame: frame.iloc[[0, 0, 3]],
        lambda frame: pd.concat([frame, frame]),
        lambda frame: frame.head(1),
        lambda frame: frame.set_index("text", drop=False),
    ],
)
def test_cut_sorted_and_repeated_frames_keep_their_order(run: Run, shape: Any) -> None:
    frame = shape(pd.DataFrame({"text": LETTERS}))

    out = run(frame, dedupe=True)

    assert out["response"].tolist() == [f"echo: say {letter}" for letter in frame["text"]]
    assert out.index.equals(frame.index)


@settings(max_examples=15)
@given(st.lists(st.sampled_from([*"abc", None]), max_size=8), st.booleans())
def test_a_row_is_answered_for_what_stands_in_it(run: Run, values: list[str | None], dedupe: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
    frame = texts(*values, dtype=object).set_axis([0] * len(values))

    out = run(frame, dedupe=dedupe)

    said = out["response"].astype(object).where(out["response"].notna(), None).tolist()
    assert said == [None if value is None else f"echo: say {value}" for value in values]


def test_the_users_frame_is_left_as_it_was(run: Run) -> None:
    frame = pd.DataFrame({"text": ["one", "two"], "list": [[1], [2]]}, index=pd.Index([5, 5], name="k"))
    frame.attrs = {"source": {"name": "survey"}}
    before, attrs = frame.copy(deep=True), copy.deepcopy(frame.attrs)

    run(frame)

    pd.testing.assert_frame_equal(frame, before)
    assert list(frame.columns) == ["text", "list"]
    assert frame.attrs == attrs


def test_changing_the_result_does_not_change_the_input(run: Run) -> None:
    frame = texts("one", "two")
    frame.attrs = {"source": {"name": "survey"}}

    out = run(frame)
    out.loc[0, "text"] = "changed"
    out.attrs["source"]["name"] = "changed"
    out["new"] = 1

    assert frame["text"].tolist() == ["one", "two"]
    assert frame.attrs == {"source": {"name": "survey"}}
    assert list(frame.columns) == ["text"]


def test_the_result_keeps_what_the_frame_says_of_itself(run: Run) -> None:
    frame = texts("one").set_flags(allows_duplicate_labels=False)
    frame.attrs = {"source": "survey"}
    frame.columns.name = "field"

    out = run(frame)

    assert out.attrs["source"] == "survey"
    assert set(out.attrs) == {"source", "dwbatch"}
    assert out.flags.allows_duplicate_labels is False
    assert out.columns.name == "field"


class Reviews(pd.DataFrame):
    """A frame with a mind of its own."""

    _metadata = ["source"]  # noqa: RUF012 - pandas wants a list here
    source: str

    @property
    def _constructor(self) -> type["Reviews"]:
        return Reviews


def test_a_subclass_stays_itself(run: Run) -> None:
    frame = Reviews({"text": ["one"]})
    frame.source = "survey"

    out = run(frame)

    assert type(out) is Reviews
    assert out.source == "survey"


@pytest.mark.parametrize(
    "columns",
    [
        pd.CategoricalIndex(["text", "other"]),
        pd.Index(["text", 7], dtype=object),
        pd.Index(["text", ("a", "b")], tupleize_cols=False),
    ],
)
def test_columns_of_any_names_take_the_answers(run: Run, columns: pd.Index) -> None:
    frame = pd.DataFrame([["one", 1]])
    frame.columns = columns

    out = run(frame)

    assert list(out.columns[:3]) == [*columns, "response"]
    assert out["response"].tolist() == ["echo: say one"]


def test_an_output_column_may_be_written_over_if_told(run: Run) -> None:
    frame = pd.DataFrame({"response": ["one"], "text": ["old"]})

    out = run(frame, "say {response}", overwrite=True)

    assert list(out.columns[:2]) == ["response", "text"]
    assert out.loc[0, "response"] == "echo: say one"
    assert frame.loc[0, "response"] == "one"


def test_an_empty_frame_sends_nothing_and_has_the_columns(server: Server) -> None:
    frame = texts("one").head(0)

    out = at(server)(frame)

    assert len(out) == 0
    assert out["response_status"].tolist() == []
    assert server.exchanges() == []


def test_a_column_of_nulls_sends_nothing(server: Server) -> None:
    out = at(server)(texts(None, None))

    assert out["response_status"].tolist() == ["skipped", "skipped"]
    assert server.exchanges() == []
