"""A job as a picture, from samples that cost next to nothing."""

import itertools
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import dwbatch
from dwbatch.local import Server
from tests.engine.elsewhere import Owner
from tests.job.holding import Model, still, submit


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


def test_samples_are_taken_once_a_minute_at_most(server: Server, model: Model) -> None:
    looks = iter(range(100))

    def meanwhile() -> None:
        if next(looks) == 50:
            model.may_answer.set()
            Owner(server).until_idle()

    still(server, meanwhile=meanwhile).wait(progress=False)

    at = pq.read_table("job/samples.parquet")["at"].to_pylist()
    apart = [(later - sooner).total_seconds() for sooner, later in itertools.pairwise(at)]
    assert 3 < len(at) < 50
    # The last one is of the end, whenever that comes.
    assert min(apart[:-1]) >= 59


def test_a_sample_that_cannot_be_written_stops_nothing(server: Server, model: Model) -> None:
    model.may_answer.set()
    job = still(server)
    Path("job/samples.parquet").mkdir()

    assert job.wait(progress=False).is_over
