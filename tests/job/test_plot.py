"""A job as a picture, from samples that cost next to nothing."""

import itertools
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import dwbatch
from dwbatch.local import Server
from tests.engine.elsewhere import Owner, run, texts
from tests.job.holding import FRAME, Model, still, submit


def legend(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_a_picture_shows_progress_and_what_became_of_the_rows(server: Server, model: Model) -> None:
    model.may_answer.set()
    job = still(server)
    job.wait(progress=False)

    progress, outcome = job.plot().axes

    assert [label.get_text() for label in outcome.get_yticklabels()] == ["skipped", "failed", "ok"]
    assert [text.get_text() for text in outcome.texts] == ["1", "1", "3"]
    assert legend(progress) == ["completed", "failed"]


def test_a_running_job_shows_the_end_of_its_window(server: Server) -> None:
    progress, _ = submit(server).plot().axes

    assert "end of the window" in legend(progress)


def test_a_picture_without_matplotlib_says_what_to_install(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(server)
    monkeypatch.setitem(sys.modules, "matplotlib.dates", None)

    with pytest.raises(dwbatch.DwbatchError, match=r"dwbatch\[plot\]"):
        job.plot()


def test_a_picture_shows_itself_in_a_notebook_that_never_imported_pyplot(
    server: Server, model: Model
) -> None:
    model.may_answer.set()
    job = still(server)
    job.wait(progress=False)

    picture: Any = job.plot()

    assert picture._repr_png_().startswith(b"\x89PNG")


def test_the_last_count_of_a_short_job_can_be_seen(server: Server, model: Model) -> None:
    model.may_answer.set()
    job = still(server)
    job.wait(progress=False)

    progress, _ = job.plot().axes

    completed: Any = progress.collections[0]
    corners = completed.get_paths()[0].vertices
    at_the_top = corners[corners[:, 1] == corners[:, 1].max(), 0]
    assert pd.Timestamp(at_the_top.max(), unit="D", tz="UTC") > job.batches()["ended_at"].max()


def test_samples_are_taken_once_a_minute_at_most(server: Server, model: Model) -> None:
    looks = iter(range(100))

    def meanwhile() -> None:
        if next(looks) == 50:
            model.may_answer.set()
            Owner(server).until_idle()

    still(server, meanwhile=meanwhile).wait(progress=False)

    at = pd.read_csv("job/samples.csv", parse_dates=["at"])["at"]
    apart = [(later - sooner).total_seconds() for sooner, later in itertools.pairwise(at)]
    assert 3 < len(at) < 50
    # The last one is of the end, whenever that comes.
    assert min(apart[:-1]) >= 59


def test_a_plain_run_has_a_curve(server: Server, model: Model) -> None:
    looks = iter(range(1000))

    def meanwhile() -> None:
        if next(looks) == 50:
            model.may_answer.set()
            Owner(server).until_idle()

    run(FRAME.rename(columns={"text": "word"}), server, Path("job"), prompt="Say {word}", meanwhile=meanwhile)
    progress, _ = dwbatch.attach("job", base_url=server.base_url).plot().axes

    completed: Any = progress.collections[0]
    assert len({at for at, _ in completed.get_paths()[0].vertices}) > 5


def test_a_second_run_goes_on_where_the_curve_of_the_first_ended(server: Server, model: Model) -> None:
    model.may_answer.set()
    for words in (["a", "b"], ["a", "b", "c"]):
        run(texts(*words), server, Path("job"))

    samples = pd.read_csv("job/samples.csv")
    assert samples["completed"].is_monotonic_increasing
    assert samples[["requests", "completed"]].iloc[-1].tolist() == [3, 3]


def test_half_a_line_of_a_process_that_died_is_no_sample(server: Server, model: Model) -> None:
    model.may_answer.set()
    run(texts("a"), server, Path("job"))
    path = Path("job/samples.csv")
    whole = path.read_text(encoding="utf-8")

    path.write_text(whole + "2026-01-02T03:0", encoding="utf-8")

    assert dwbatch.attach("job", base_url=server.base_url).plot() is not None


def test_a_sample_that_cannot_be_written_stops_nothing(server: Server, model: Model) -> None:
    model.may_answer.set()
    job = still(server)
    Path("job/samples.csv").unlink(missing_ok=True)
    Path("job/samples.csv").mkdir()

    assert job.wait(progress=False).is_over
