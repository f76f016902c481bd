"""A job in the hand: submitted at once, looked at while it runs, and its answers the same as those of a run."""

import pickle
from pathlib import Path

import pandas as pd
import pytest
import requests

import dwbatch
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.lock import locked
from dwbatch.local import Server
from tests.api.calling import posts
from tests.engine.elsewhere import Altered
from tests.job.holding import FRAME, Model, options, still, submit, until_answered
from tests.waiting import timed_out

# OpenAI shows no result file, or not the errors, before the end.
SO_FAR = [
    ["ok", "pending", "failed", "skipped", "ok"],
    ["ok", "pending", "pending", "skipped", "ok"],
    ["pending", "pending", "pending", "skipped", "pending"],
]
STATUSES = ["ok", "ok", "failed", "skipped", "ok"]


def run(server: Server) -> pd.DataFrame:
    return dwbatch.run(FRAME, "Say {text}", **options(server))


def test_submit_comes_back_once_everything_is_bought(server: Server) -> None:
    job = submit(server, max_requests_per_batch=1)

    assert posts(server).count("/batches") == 3
    assert job.batches()["state"].tolist() == ["SUBMITTED"] * 3
    with locked(Path("job"), timeout_s=0):
        assert job.status().state is dwbatch.JobState.RUNNING


def test_result_is_the_frame_that_run_returns(server: Server, model: Model) -> None:
    job = submit(server)
    model.may_answer.set()

    out = job.result(progress=False)

    assert out["response_status"].tolist() == STATUSES
    pd.testing.assert_frame_equal(out, run(server))
    assert posts(server) == ["/files", "/batches"]


def test_partial_has_what_is_answered_and_the_shape_of_the_end(server: Server, model: Model) -> None:
    job = submit(server)
    until_answered(server, 2)

    partial = job.partial()
    again = job.partial()
    model.may_answer.set()
    out = job.result(progress=False)

    # Only Doubleword shows result files before the end.
    has_files = not server.base_url or partial["response_status"].ne("pending").sum() > 1
    expected = (
        ["ok", "pending", "failed", "skipped", "ok"]
        if has_files
        else [*["pending"] * 3, "skipped", "pending"]
    )
    assert partial["response_status"].tolist() == expected
    pd.testing.assert_frame_equal(partial, again)
    pd.testing.assert_frame_equal(job.partial(), out)
    assert partial.dtypes.equals(out.dtypes)


def test_a_second_look_reads_only_the_lines_that_are_new(model: Model) -> None:
    asked: list[str] = []
    session = requests.Session()
    session.mount("http://", Altered(request=lambda request: asked.append(request.url or "")))
    with Server(answer=model, outcomes=model.outcome) as server:
        job = submit(server, session=session)
        until_answered(server, 2)
        job.partial()
        del asked[:]

        job.partial()
        model.may_answer.set()

        contents = [url.partition("/content")[2] for url in asked if "/content" in url]
        assert contents == ["?skip=1", "?skip=1"]


def test_waiting_buys_nothing_and_says_how_far_it_came(server: Server, model: Model) -> None:
    job = submit(server)
    before = posts(server)

    with pytest.raises(dwbatch.JobTimeoutError) as caught:
        job.wait(0.2, progress=False)
    model.may_answer.set()
    status = caught.value.job.wait(progress=False)

    assert caught.value.job is job
    assert (status.state, status.completed, status.failed, status.pending) == ("done", 2, 1, 0)
    assert posts(server) == before


def test_a_run_that_times_out_hands_over_its_job(server: Server, model: Model) -> None:
    job, error = timed_out(
        lambda timeout: dwbatch.run(
            FRAME, "Say {text}", **options(server, timeout=timeout, poll_interval=0.05)
        )
    )
    model.may_answer.set()

    out = job.result(progress=False)

    assert out["response_status"].tolist() == STATUSES
    assert pickle.loads(pickle.dumps(error)).job is None  # noqa: S301 - our own bytes


def test_submit_does_not_wait_for_another_call_and_result_does(server: Server, model: Model) -> None:
    job = submit(server)
    model.may_answer.set()

    with locked(Path("job"), timeout_s=0):
        with pytest.raises(dwbatch.CheckpointLockedError):
            submit(server)
        with pytest.raises(dwbatch.CheckpointLockedError, match="did not let go"):
            job.result(timeout=0.1, progress=False)

    assert job.result(progress=False)["response_status"].tolist() == STATUSES


def test_errors_are_told_under_the_labels_of_the_frame(server: Server, model: Model) -> None:
    job = submit(server)
    model.may_answer.set()
    job.wait(progress=False)

    errors = job.errors()

    assert errors.index.tolist() == ["x", "y"]
    assert errors["status"].tolist() == ["failed", "skipped"]
    assert errors["error_code"].tolist() == ["http_400", "null_input"]
    assert errors["custom_id"].str.contains("-row-2-").tolist()[0]
    assert "400" in errors["error"].iloc[0]


def test_without_a_frame_there_is_one_row_a_request(server: Server, model: Model) -> None:
    submit(server)
    model.may_answer.set()

    out = dwbatch.attach("job").result(progress=False)

    assert list(out.columns[:3]) == ["custom_id", "request_key", "position"]
    assert out["position"].tolist() == [0, 1, 2]
    assert out["response_status"].tolist() == ["ok", "ok", "failed"]


def test_a_frame_is_joined_by_content_and_not_by_place(server: Server, model: Model) -> None:
    submit(server)
    model.may_answer.set()
    turned = FRAME.iloc[::-1].reset_index(drop=True)

    out = dwbatch.attach("job").result(turned, progress=False)

    assert out["response"].isna().tolist() == [False, True, True, False, False]
    assert out["response"].iloc[0] == "echo: Say quick"


def test_what_was_never_bought_is_never_bought_by_waiting(server: Server) -> None:
    job = submit(server)
    checkpoint = Checkpoint(Path("job").absolute())
    shard = checkpoint.shards()[0]
    unsent = {name: getattr(shard, name) for name in shard.__slots__} | {
        "state": "UPLOADED",
        "batch_id": None,
    }
    checkpoint.write_shards([type(shard)(**unsent)])
    before = posts(server)

    status = job.wait(progress=False)

    assert status.state is dwbatch.JobState.UNSENT
    with pytest.raises(dwbatch.JobStoppedError, match="Make the call again"):
        job.result(progress=False)
    assert posts(server) == before


def test_a_job_does_not_carry_its_key_to_another_process(server: Server) -> None:
    job = submit(server, api_key="sk-secret")

    with pytest.raises(TypeError, match="attach"):
        pickle.dumps(job)

    assert "sk-secret" not in repr(job)


def test_a_temporary_checkpoint_is_no_place_for_a_job(server: Server) -> None:
    with pytest.raises(dwbatch.InputError, match="submit"):
        submit(server, checkpoint=False)

    assert posts(server) == []


def test_the_time_of_a_job_passes_as_that_of_a_run_does(server: Server, model: Model) -> None:
    job = still(server, meanwhile=model.may_answer.set)

    status = job.wait(progress=False)

    assert status.is_over
