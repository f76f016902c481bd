"""A job at a server that says what nobody expects: it waits, counts and tells all the same."""

import json
from decimal import Decimal
from typing import Any

import pytest
import requests

import dwbatch
from dwbatch.local import Server
from tests.engine.elsewhere import Altered, Reply
from tests.job.holding import Model, still, submit, until_answered
from tests.job.odd import at_first, batches, session_of

STATUSES = ["ok", "ok", "failed", "skipped", "ok"]


@pytest.mark.parametrize("word", ["scheduling", "PROGRESS", "validated", ""])
def test_a_status_that_nobody_knows_is_waited_for(server: Server, model: Model, word: str) -> None:
    model.may_answer.set()
    job = still(server, session=session_of(at_first(batches(status=word), 6)))

    status = job.status()
    out = job.result(progress=False)

    assert (status.state, status.server_statuses) == ("running", (word.lower(),))
    assert out["response_status"].tolist() == STATUSES


def test_the_list_of_jobs_shows_a_word_that_nobody_knows_as_it_is(server: Server) -> None:
    submit(server)

    listed = dwbatch.jobs(base_url=server.base_url, session=session_of(batches(status="scheduling")))

    assert listed["status"].tolist() == ["scheduling"]


@pytest.mark.parametrize("window", ["1d", "background", "", None])
def test_a_window_that_nobody_knows_is_no_reason_to_stop(
    server: Server, model: Model, window: str | None
) -> None:
    told = session_of(batches(completion_window=window, expires_at=None))
    model.may_answer.set()
    job = still(server, session=told)

    job.plot()
    out = job.result(progress=False)
    listed = dwbatch.jobs(base_url=server.base_url, session=told)

    assert out["response_status"].tolist() == STATUSES
    assert listed["deadline"].isna().all()
    assert repr(job).startswith("Job")


@pytest.mark.parametrize(
    "counts",
    [None, {}, {"total": None, "completed": None, "failed": None}],
    ids=["null", "empty", "nulls"],
)
def test_counts_that_are_null_are_noughts(server: Server, model: Model, counts: object) -> None:
    job = still(server, session=session_of(batches(request_counts=counts)))

    before = job.status()
    cancelled = job.cancel(progress=False)
    model.may_answer.set()

    assert (before.completed, before.failed, before.pending, before.requests) == (0, 0, 3, 3)
    assert cancelled[["completed", "failed", "total"]].to_numpy().tolist() == [[0, 0, 3]]


def test_a_job_ends_whose_counts_were_never_told(server: Server, model: Model) -> None:
    model.may_answer.set()

    out = still(server, session=session_of(batches(request_counts=None))).result(progress=False)

    assert out["response_status"].tolist() == STATUSES


@pytest.mark.parametrize("body", ["upstream said no", 7, []], ids=["text", "number", "list"])
def test_a_body_that_is_no_object_is_told_word_for_word(model: Model, body: object) -> None:
    def reply(call: str, status: int, content: bytes) -> Reply:
        lines = [json.loads(line) for line in content.splitlines()] if call.endswith("/content") else []
        for line in lines:
            if line.get("response"):
                line["response"]["body"] = body
        return status, "".join(f"{json.dumps(line)}\n" for line in lines).encode() or content

    session = requests.Session()
    session.mount("http://", Altered(reply=reply))
    model.may_answer.set()
    with Server(answer=model) as server:
        job = still(server, session=session)
        out = job.result(progress=False)
        errors = job.errors()

    assert out["response_status"].tolist() == ["failed", "failed", "failed", "skipped", "failed"]
    assert errors["error_code"].dropna().ne("").all()
    assert errors["body"].iloc[0] == json.dumps(body)


def test_costs_that_lag_behind_are_told_as_such_and_settle_later(model: Model) -> None:
    noughts = {"total_requests": 0, "total_prompt_tokens": 0, "total_completion_tokens": 0, "total_cost": "0"}
    first = iter([noughts])

    def lags(said: dict[str, Any]) -> dict[str, Any]:
        return next(first, said) if "total_requests" in said else said

    model.may_answer.set()
    with Server(answer=model, outcomes=model.outcome) as server:
        job = still(server, session=session_of(lags, "GET /batches/"))
        job.wait(progress=False)
        sooner, later = job.cost(), job.cost()

    assert (sooner.billed, sooner.list_price, sooner.is_settled) == (Decimal(0), None, False)
    assert "the server still counts" in str(sooner)
    # The answers say it themselves, whatever the server has counted.
    assert sooner.completion_tokens == later.completion_tokens > 0
    assert later.is_settled
    assert later.billed is not None
    assert later.billed > 0


def test_a_cancel_counts_late_finishers_and_tells_what_it_kept(
    model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = iter([(1, 1), (2, 1)])

    def finishes(said: dict[str, Any]) -> dict[str, Any]:
        if said.get("status") != "cancelled":
            return said
        completed, failed = next(counts, (2, 1))
        return {**said, "request_counts": {"total": 3, "completed": completed, "failed": failed}}

    with Server(answer=model, outcomes=model.outcome) as server:
        job = still(server, session=session_of(finishes))
        cancelled = job.cancel()
        model.may_answer.set()

    assert cancelled[["status", "completed", "failed", "total"]].to_numpy().tolist() == [
        ["cancelled", 2, 1, 3]
    ]
    assert "Stopped 1 batch: 3 of 3 requests had ended; they are billed and kept" in capsys.readouterr().err


def test_a_cancel_that_may_not_wait_counts_what_it_sees(model: Model) -> None:
    with Server(answer=model, outcomes=model.outcome) as server:
        job = submit(server)
        until_answered(server, 2)
        cancelled = job.cancel(timeout=None, progress=False)
        model.may_answer.set()

    assert cancelled[["completed", "failed", "total"]].to_numpy().tolist() == [[1, 1, 3]]
