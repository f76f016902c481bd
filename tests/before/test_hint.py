"""attrs["dwbatch"]: where the answers of a frame are kept; a courtesy that may be lost."""

import json
from pathlib import Path

import pandas as pd

import dwbatch
from dwbatch.hint import hints
from dwbatch.local import Server
from tests.api.calling import Run, texts, usual


def test_a_frame_says_where_its_answers_are_kept(run: Run, tmp_path: Path) -> None:
    out = run(texts("one", None, "two"))

    hint = out.attrs["dwbatch"]["response"]
    assert hint["checkpoint"] == str(tmp_path / "job")
    assert list(json.loads((tmp_path / "job" / "recipe.json").read_text())["recipes"]) == [hint["recipe"]]
    assert hint["counts"] == {"ok": 2, "skipped": 1}
    assert hint["version"] == dwbatch.__version__


def test_two_chained_runs_keep_both_hints_and_the_first_frame_its_own(run: Run) -> None:
    drafted = run(texts("one"), output="draft")

    judged = run(drafted, "judge {draft}", output="verdict")

    assert list(hints(judged)) == ["draft", "verdict"]
    assert list(hints(drafted)) == ["draft"]
    assert judged.attrs["dwbatch"]["draft"] == drafted.attrs["dwbatch"]["draft"]


def test_what_others_wrote_on_the_frame_stays(run: Run) -> None:
    frame = texts("one")
    frame.attrs = {"source": "shop", "dwbatch": "mine"}

    out = run(frame)

    assert out.attrs["source"] == "shop"
    assert list(hints(out)) == ["response"]
    assert frame.attrs["dwbatch"] == "mine"


def test_a_hint_survives_parquet(run: Run, tmp_path: Path) -> None:
    out = run(texts("one"))
    out.to_parquet(tmp_path / "out.parquet")

    assert hints(pd.read_parquet(tmp_path / "out.parquet")) == hints(out)


def test_a_lost_hint_breaks_nothing(server: Server, run: Run) -> None:
    out = run(texts("one"))
    out.attrs = {}

    again = run(out, overwrite=True)

    pd.testing.assert_frame_equal(again, out)
    assert len(server.ledger()) == 1


def test_a_temporary_checkpoint_is_not_named(server: Server, run: Run) -> None:
    out = run(texts("one"), **{**usual(server), "checkpoint": False})

    assert hints(out)["response"]["checkpoint"] is None
