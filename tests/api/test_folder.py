"""Where a checkpoint stands, who may see it, and what is not in it."""

import logging
import os
import tempfile
from pathlib import Path

import pandas as pd
import pytest

from dwbatch import InputError, JobTimeoutError
from dwbatch.local import Outcome, Server
from tests.api.calling import Gate, Listener, Run, at, posts, run_hastily, texts

MARKER = "xyzzy-unlikely-word"


def test_the_folder_is_named_after_job_and_recipe(run: Run, tmp_path: Path) -> None:
    run(texts("one"), checkpoint=None, name="spring")

    (folder,) = (tmp_path / ".dwbatch").glob("spring-*")
    assert len(folder.name) == len("spring-") + 16
    assert (tmp_path / ".dwbatch" / ".gitignore").read_text(encoding="utf-8").splitlines()[-1] == "*"


def test_a_home_of_ones_own_is_used(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DWBATCH_HOME", str(tmp_path / "elsewhere"))

    run(texts("one"), checkpoint=None)

    assert [folder.name[:8] for folder in (tmp_path / "elsewhere").glob("dwbatch-*")] == ["dwbatch-"]
    assert not (tmp_path / ".dwbatch").exists()


def test_a_folder_of_ones_own_is_used_and_its_parents_are_made(run: Run, tmp_path: Path) -> None:
    run(texts("one"), checkpoint=tmp_path / "deep" / "job")

    assert sorted(path.name for path in (tmp_path / "deep" / "job").iterdir() if path.name != "lock") == [
        "batches.parquet",
        "recipe.json",
        "requests",
        "results",
        "samples.csv",
        "uploads",
    ]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's; Windows goes by the user's profile")
def test_nobody_else_may_enter_the_folder(run: Run, tmp_path: Path) -> None:
    run(texts("one"), checkpoint=None)

    made = [tmp_path / ".dwbatch", *(tmp_path / ".dwbatch").glob("dwbatch-*")]
    assert [oct(folder.stat().st_mode & 0o777) for folder in made] == ["0o700", "0o700"]


def test_the_recipe_is_there_as_it_was_written(run: Run, tmp_path: Path) -> None:
    run(texts("one"), "say {text}", temperature=0.5)

    written = (tmp_path / "job" / "recipe.json").read_text(encoding="utf-8")
    assert '"prompt": "say {text}"' in written
    assert '"temperature": 0.5' in written


def everything_in(folder: Path) -> str:
    """The text of every file, parquet unpacked."""
    told = []
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            told.append(pd.read_parquet(path).to_csv())
        if path.is_file():
            told.append(path.read_bytes().decode("latin-1"))
    return "\n".join(told)


def test_no_prompt_and_no_key_stand_in_the_folder(tmp_path: Path) -> None:
    with Server(answer=Listener(), keys=["sk-secret"]) as server:
        at(server)(texts(f"{MARKER} one", f"{MARKER} two"), system="{text}", api_key="sk-secret")

    told = everything_in(tmp_path / "job")
    assert "fine" in told
    assert MARKER not in told
    assert "sk-secret" not in told


def test_a_call_that_fails_leaves_no_prompt_either(tmp_path: Path) -> None:
    with Server(answer=Listener(), delay_s=30) as server, pytest.raises(JobTimeoutError):
        at(server)(texts(f"{MARKER} one"), timeout=0.5)

    assert MARKER not in everything_in(tmp_path)


def test_no_prompt_no_answer_and_no_key_stand_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.DEBUG),
        Server(answer=Listener("plugh-answer"), keys=["sk-secret"]) as server,
    ):
        at(server)(texts(f"{MARKER} one"), api_key="sk-secret")

    told = "\n".join(message for name, _, message in caplog.record_tuples if name.startswith("dwbatch"))
    assert "1 requests new" in told
    assert [word for word in (MARKER, "plugh-answer", "sk-secret") if word in told] == []


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_without_a_checkpoint_nothing_is_left_when_all_is_done(
    server: Server, run: Run, tmp_path: Path, temporary: Path
) -> None:
    before = set(temporary.iterdir())

    run(texts("one"), checkpoint=False)

    assert set(temporary.iterdir()) == before
    assert not (tmp_path / ".dwbatch").exists()
    assert posts(server) == ["/files", "/batches"]


def test_without_a_checkpoint_an_exception_names_what_is_kept(temporary: Path) -> None:
    gate = Gate()
    with Server(answer=gate) as server:
        with pytest.raises(JobTimeoutError) as caught:
            at(server)(texts("one"), checkpoint=False, timeout=0.3)
        gate.open()
        (kept,) = temporary.glob("dwbatch-job-*")
        out = at(server)(texts("one"), checkpoint=kept)
        bought = len(server.ledger())

    assert caught.value.__notes__ == [
        f"What this call has bought and fetched is kept in {str(kept)!r}: give it as checkpoint=."
    ]
    assert out["response_status"].tolist() == ["ok"]
    assert bought == 1


def test_without_a_checkpoint_the_folder_stays_while_lines_are_owed(temporary: Path) -> None:
    with Server(outcomes={"n-odd": Outcome.never()}) as server:
        out = run_hastily(server, texts("one", "odd"), checkpoint=False, custom_id="n-{text}")

    assert out["response_status"].tolist() == ["ok", "missing"]
    assert len(list(temporary.glob("dwbatch-job-*"))) == 1


def test_wrong_input_makes_no_folder(server: Server, run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        run(texts("one"), "{txt}", checkpoint=None)

    assert list(tmp_path.iterdir()) == []
    assert server.exchanges() == []
