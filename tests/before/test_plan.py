"""plan(): what a run would do, counted, and what the run then does."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dwbatch
from dwbatch import CheckpointError, EqualRowsWarning
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.lock import locked
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.local import Outcome, Server
from tests.api.calling import SAY, Gate, Run, at, posts, texts, usual
from tests.waiting import timed_out

cells = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "bad", "x" * 300, None]), max_size=9)
edits = st.fixed_dictionaries(
    {
        "dedupe": st.booleans(),
        "max_requests_per_batch": st.integers(1, 4),
        "max_bytes_per_batch": st.sampled_from([330, 700, 100_000]),
        "retry": st.sampled_from([False, "failed"]),
    }
)


class Once:
    """A server at whose first answer every bad text fails, and never again."""

    def __init__(self) -> None:
        self.is_bad_day = True

    def __call__(self, _: str, body: dict[str, Any]) -> Outcome | None:
        return Outcome.status(400) if self.is_bad_day and "bad" in body["messages"][0]["content"] else None


@settings(max_examples=20)
@given(frames=st.lists(cells, min_size=2, max_size=3), options=st.lists(edits, min_size=3, max_size=3))
@pytest.mark.filterwarnings("ignore::dwbatch.EqualRowsWarning")
def test_a_run_does_what_the_plan_said(
    tmp_path_factory: pytest.TempPathFactory, frames: list[list[str | None]], options: list[dict[str, Any]]
) -> None:
    folder, day = tmp_path_factory.mktemp("planned") / "job", Once()
    with Server(outcomes=day) as server:
        for values, given_options in zip(frames, options, strict=False):
            frame = texts(*values, dtype="string")
            told = {**usual(server), "checkpoint": folder, **given_options}
            # A request that fails on the very day would be sent again by the same call.
            told |= {"retry": False} if day.is_bad_day else {}
            before = Checkpoint(folder).shards()

            plan = dwbatch.plan(frame, SAY, **told)
            out = dwbatch.run(frame, SAY, **told)

            bought = Checkpoint(folder).shards()[len(before) :]
            assert plan.rows == len(out)
            assert plan.rows == (
                plan.requests + plan.answered + plan.in_flight + plan.duplicates + sum(plan.skipped.values())
            )
            assert (plan.shards, plan.requests, plan.bytes) == figures(bought)
            skipped = out["response_error_code"][out["response_status"] == "skipped"]
            assert dict(plan.skipped) == skipped.value_counts().to_dict()
            day.is_bad_day = False


def figures(shards: list[Shard]) -> tuple[int, int, int]:
    return len(shards), sum(shard.requests for shard in shards), sum(shard.bytes for shard in shards)


def test_each_kind_of_row_is_counted_once(server: Server, run: Run) -> None:
    run(texts("old"))
    frame = texts("old", "new", "new", None, "x" * 900, "newer")

    plan = dwbatch.plan(frame, SAY, **usual(server), max_bytes_per_batch=700)

    assert (plan.rows, plan.new, plan.again, plan.answered, plan.in_flight, plan.duplicates) == (
        6,
        2,
        0,
        1,
        0,
        1,
    )
    assert plan.skipped == {"null_input": 1, "request_too_large": 1}
    assert (plan.shards, plan.uploaded) == (1, 0)


def test_a_plan_sends_nothing_makes_nothing_and_needs_no_key(tmp_path: Path) -> None:
    plan = texts("one").doubleword.plan(SAY, model="m", base_url="https://nowhere.invalid/v1")

    assert (plan.new, plan.is_begun) == (1, False)
    assert plan.checkpoint is not None
    assert plan.checkpoint.parent == tmp_path / ".dwbatch"
    assert list(tmp_path.iterdir()) == []


def test_a_plan_names_the_folder_that_the_run_then_makes(server: Server, tmp_path: Path) -> None:
    options = {**usual(server), "checkpoint": None}

    plan = dwbatch.plan(texts("one"), SAY, **options)
    dwbatch.run(texts("one"), SAY, **options)

    assert [plan.checkpoint] == [path for path in (tmp_path / ".dwbatch").iterdir() if path.is_dir()]
    assert dwbatch.plan(texts("one"), SAY, **options).is_begun


def test_without_a_checkpoint_everything_is_new(server: Server, run: Run) -> None:
    run(texts("one"))

    plan = dwbatch.plan(texts("one"), SAY, **{**usual(server), "checkpoint": False})

    assert (plan.new, plan.answered, plan.checkpoint) == (1, 0, None)


def test_what_is_on_its_way_is_in_flight_and_needs_no_second_purchase() -> None:
    gate = Gate()
    with Server(answer=gate) as server:
        timed_out(lambda timeout: at(server)(texts("one", "two"), timeout=timeout))

        plan = dwbatch.plan(texts("one", "two", "three"), SAY, **usual(server))
        gate.open()

    assert (plan.new, plan.in_flight, plan.answered) == (1, 2, 0)


def test_what_is_to_be_sent_again_is_told_apart() -> None:
    with Server(outcomes=Once()) as server:
        at(server)(texts("bad", "fine"), retry=False)

        left = dwbatch.plan(texts("bad", "fine"), SAY, **usual(server))
        again = dwbatch.plan(texts("bad", "fine"), SAY, **usual(server), retry="failed")

    assert (left.again, left.answered) == (0, 2)
    assert (again.again, again.answered, again.shards) == (1, 1, 1)


def test_files_that_wait_to_be_bought_are_told(tmp_path: Path) -> None:
    with Server(balance=-1) as poor:
        with pytest.raises(dwbatch.ApiError, match="402"):
            at(poor)(texts("one", "two"))

        plan = dwbatch.plan(texts("one", "two", "three"), SAY, **usual(poor))

    (shard,) = Checkpoint(tmp_path / "job").shards()
    assert shard.state is State.UPLOADED
    assert (plan.new, plan.uploaded, plan.shards) == (3, 1, 2)
    assert plan.bytes > shard.bytes


def test_a_plan_is_told_while_another_call_holds_the_checkpoint(
    server: Server, run: Run, tmp_path: Path
) -> None:
    run(texts("one"))

    with locked(tmp_path / "job"):
        plan = dwbatch.plan(texts("one", "two"), SAY, **usual(server))

    assert (plan.new, plan.answered) == (1, 1)


def test_tokens_are_a_quarter_of_the_bytes_as_the_server_counts_them(server: Server) -> None:
    frame = texts("one", "two and more", "ü")
    plan = dwbatch.plan(frame, SAY, **usual(server))
    bodies = dwbatch.preview(frame, SAY, model="m")["body"]

    assert plan.tokens == sum(len(body.encode()) for body in bodies) // 4


def test_a_plan_of_nothing_is_nothing(server: Server) -> None:
    plan = dwbatch.plan(texts(dtype="string"), SAY, **usual(server))

    assert (plan.rows, plan.requests, plan.shards, plan.bytes, plan.tokens, plan.skipped) == (
        0,
        0,
        0,
        0,
        0,
        {},
    )


def test_a_plan_says_itself_in_one_sentence(server: Server, tmp_path: Path) -> None:
    plan = dwbatch.plan(texts("one", "one", None, "two"), SAY, **usual(server))

    assert str(plan) == (
        f"4 rows: 2 requests to buy in 1 batch of {plan.bytes} bytes, about {plan.tokens} prompt tokens; 0 answered, "
        f"0 in flight, 1 duplicates, 1 skipped (1 null_input); checkpoint {tmp_path / 'job'} (not made yet)."
    )
    assert repr(plan).startswith("Plan(rows=4, new=2, again=0, answered=0,")


def test_a_notebook_shows_a_table_that_nothing_can_break_out_of(server: Server) -> None:
    html = dwbatch.plan(texts("one"), SAY, **{**usual(server), "checkpoint": "<b>"})._repr_html_()

    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert '<th style="text-align:left">new</th><td style="text-align:right">1</td>' in html


def test_a_folder_of_somebody_else_is_refused_and_left_alone(server: Server, tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "thesis.docx").write_text("")

    with pytest.raises(CheckpointError, match="the folder holds other files"):
        dwbatch.plan(texts("one"), SAY, **usual(server))
    with pytest.raises(CheckpointError, match="names a file"):
        dwbatch.plan(texts("one"), SAY, **{**usual(server), "checkpoint": "job/thesis.docx"})

    assert [path.name for path in (tmp_path / "job").iterdir()] == ["thesis.docx"]


def test_many_equal_rows_are_warned_of(server: Server) -> None:
    with pytest.warns(EqualRowsWarning):
        dwbatch.plan(texts("one", "one", "one"), SAY, **usual(server))
    assert posts(server) == []
