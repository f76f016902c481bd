"""A job found again: by its folder, by its frame, by an id, on a machine that has none of these."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests

import dwbatch
from dwbatch.local import Server
from tests.api.calling import posts
from tests.job.holding import FRAME, Model, options, submit

STATUSES = ["ok", "ok", "failed", "skipped", "ok"]


@pytest.fixture(autouse=True)
def _free(model: Model) -> None:
    model.may_answer.set()


def forget(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Go to another machine."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")


def note(frame: pd.DataFrame, recipe: str) -> pd.DataFrame:
    """The frame with the note that a run leaves on it."""
    frame.attrs["dwbatch"] = {"response": {"checkpoint": str(Path("job").absolute()), "recipe": recipe}}
    return frame


def test_a_frame_leads_back_to_its_job(server: Server) -> None:
    out = dwbatch.run(FRAME, "Say {text}", **options(server, poll_interval=0.02))
    recipe = dwbatch.attach("job").batches()["recipe"].iloc[0]

    job = dwbatch.attach(note(out, recipe), base_url=server.base_url)

    assert job.errors().index.tolist() == ["x", "y"]
    pd.testing.assert_frame_equal(job.result(progress=False), out)


def test_a_frame_that_says_nothing_is_refused(server: Server) -> None:
    with pytest.raises(dwbatch.InputError, match=r"drops frame\.attrs"):
        dwbatch.attach(FRAME, base_url=server.base_url)


def test_an_id_is_found_in_the_folders_of_this_machine(server: Server) -> None:
    submit(server, checkpoint=".dwbatch/somewhere")
    job_id, batch_id = dwbatch.attach(".dwbatch/somewhere").batches()[["job", "batch_id"]].iloc[0]

    for name in (job_id, batch_id):
        job = dwbatch.attach(name)
        assert job.result(progress=False)["response_status"].tolist() == ["ok", "ok", "failed"]

    assert posts(server) == ["/files", "/batches"]


@pytest.mark.parametrize("by", ["batch_id", "job"])
def test_a_machine_that_has_nothing_rebuilds_the_job_from_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, by: str
) -> None:
    name = submit(server, max_requests_per_batch=1).batches()[by].iloc[0]
    forget(monkeypatch, tmp_path)

    job = dwbatch.attach(name, base_url=server.base_url, prompt="Say {text}", model="m")
    out = job.result(FRAME.iloc[::-1], progress=False)

    assert out["response_status"].iloc[-1] == "ok"
    assert out["response_status"].tolist()[::-1] == (
        STATUSES if by == "job" else [*["ok", "pending", "pending"], "skipped", "ok"]
    )
    assert posts(server).count("/batches") == 3
    assert dwbatch.attach(name, base_url=server.base_url).result(progress=False)["response"].notna().any()


def foreign(server: Server) -> str:
    """A batch that somebody bought by hand, with custom_ids of their own."""
    lines = [
        f'{{"custom_id":"user-{number}","method":"POST","url":"/v1/chat/completions",'
        f'"body":{{"model":"m","messages":[{{"role":"user","content":"Say {number}"}}]}}}}\n'
        for number in range(3)
    ]
    posted = requests.post(
        f"{server.base_url}/files",
        files={"file": ("by-hand.jsonl", "".join(lines))},
        data={"purpose": "batch"},
        timeout=60,
    ).json()
    order = {"input_file_id": posted["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    created: dict[str, Any] = requests.post(f"{server.base_url}/batches", json=order, timeout=60).json()
    return str(created["id"])


@pytest.mark.parametrize("on", ["id", "user-{user}"])
def test_a_foreign_batch_is_joined_by_a_column_of_custom_ids(server: Server, on: str) -> None:
    users = pd.DataFrame(
        {"user": [2, 0, 7, 1], "id": ["user-2", "user-0", "user-7", "user-1"]}, index=[*"abcd"]
    )

    out = dwbatch.attach(foreign(server), base_url=server.base_url).result(users, on=on, progress=False)

    assert out["response"].fillna("").tolist() == ["echo: Say 2", "echo: Say 0", "", "echo: Say 1"]
    assert out["response_status"].tolist() == ["ok", "ok", "pending", "ok"]


def test_rows_that_say_the_same_custom_id_are_refused(server: Server) -> None:
    job = dwbatch.attach(foreign(server), base_url=server.base_url)

    with pytest.raises(dwbatch.InputError, match="several rows the same custom_id: 'user-1'"):
        job.result(pd.DataFrame({"user": [1, 1]}), on="user-{user}", progress=False)


def test_a_foreign_batch_is_joined_by_what_its_rows_ask(server: Server) -> None:
    frame = pd.DataFrame({"n": [2, 0, 1]})

    job = dwbatch.attach(foreign(server), base_url=server.base_url, prompt="Say {n}", model="m")

    assert job.result(frame, progress=False)["response"].tolist() == [
        "echo: Say 2",
        "echo: Say 0",
        "echo: Say 1",
    ]


def test_a_foreign_batch_without_a_word_about_its_rows_says_what_is_wanted(server: Server) -> None:
    job = dwbatch.attach(foreign(server), base_url=server.base_url)

    with pytest.raises(dwbatch.InputError, match="on= which column"):
        job.result(FRAME, progress=False)


def test_an_id_that_nobody_knows_is_said_to_be_so(server: Server) -> None:
    with pytest.raises(dwbatch.InputError, match=r"jobs\(\) lists"):
        dwbatch.attach("0" * 16, base_url=server.base_url)

    assert not Path(".dwbatch").exists()


def test_jobs_lists_one_row_a_job_and_a_foreign_batch_as_its_own(server: Server) -> None:
    submit(server, max_requests_per_batch=1, name="reviews").wait(progress=False)
    theirs = foreign(server)

    found = dwbatch.jobs(base_url=server.base_url)

    assert found["job"].iloc[0] == theirs
    assert found["batches"].tolist() == [1, 3]
    assert found["requests"].iloc[1] == 3
    assert found["name"].tolist() == [pd.NA, "reviews"]
    assert found["created_at"].dt.tz is not None
    assert dwbatch.jobs(base_url=server.base_url, limit=1)["job"].tolist() == [theirs]
    assert (
        len(dwbatch.jobs(base_url=server.base_url, since=pd.Timestamp.now("UTC") + pd.Timedelta("1h"))) == 0
    )
    assert len(dwbatch.jobs(base_url=server.base_url, status="cancelled")) == 0


def test_an_account_without_jobs_has_the_same_columns(server: Server) -> None:
    empty = dwbatch.jobs(base_url=server.base_url)
    foreign(server)

    assert empty.dtypes.equals(dwbatch.jobs(base_url=server.base_url).dtypes)
