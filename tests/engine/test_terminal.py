"""How batches end badly: what was paid for is kept, every other row says why, and one call does the sensible next thing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dwbatch.local import Outcome, Server
from tests.engine.elsewhere import Altered, Model, Owner, Reply, ok, posts, run, said, texts
from tests.engine.world import StillClock

pytestmark = pytest.mark.promise

CANCELLED = (None, "cancelled", "batch_cancelled")
TWICE = ["/files", "/batches"] * 2


def is_slow(prompt: str) -> bool:
    """Whether the model waits with it."""
    return "slow" in prompt


def once_answered(server: Server, act: Callable[[Owner, dict[str, Any]], None]) -> Callable[[], None]:
    """Do something to the first batch as soon as one of its rows is answered, once."""
    owner = Owner(server)
    left = iter([True])

    def meanwhile() -> None:
        if next(left, False):
            server.wait_until(lambda: owner.batches()[0]["request_counts"]["completed"] == 1)
            act(owner, owner.batches()[0])

    return meanwhile


def ending(word: str) -> Callable[[str, int, bytes], Reply]:
    """A wire on which the first batch ends with this status before any of its rows began."""
    first: list[str] = []

    def reply(call: str, status: int, body: bytes) -> Reply:
        if not call.startswith("GET /batches/"):
            return status, body
        batch = json.loads(body)
        first.append(batch["id"])
        if batch["id"] != first[0]:
            return status, body
        counts = {"total": 0, "completed": 0, "failed": 0}
        return status, json.dumps({**batch, "status": word, "request_counts": counts}).encode()

    return reply


@pytest.mark.parametrize("word", ["failed", "expired"])
def test_a_batch_that_ended_before_it_began_is_bought_once_more_by_the_same_call(
    tmp_path: Path, word: str
) -> None:
    with Server(answer=(model := Model())) as server:

        def let_the_second_go() -> None:
            if posts(server) == TWICE:
                model.may_answer.set()

        wire = Altered(reply=ending(word))
        out = run(texts("a", "b"), server, tmp_path / "job", wire=wire, meanwhile=let_the_second_go)

        assert said(out) == ok("a", "b")
        assert posts(server) == TWICE


@pytest.mark.parametrize(("word", "code"), [("failed", "batch_failed"), ("expired", "batch_expired")])
def test_a_batch_that_ended_before_it_began_leaves_its_word_on_every_row(
    tmp_path: Path, word: str, code: str
) -> None:
    with Server(answer=(model := Model())) as server:
        wire = Altered(reply=ending(word))
        out = run(texts("a"), server, tmp_path / "job", wire=wire, meanwhile=lambda: None, retry=False)
        model.may_answer.set()

        assert said(out) == [(None, word, code)]
        assert posts(server) == ["/files", "/batches"]


def test_a_wholly_failed_batch_is_bought_once_more_a_call(tmp_path: Path) -> None:
    with Server(outcomes=lambda _, __: Outcome.status(503)) as server:
        first = run(texts("a"), server, tmp_path / "job")
        sent = posts(server)
        run(texts("a"), server, tmp_path / "job")

        assert said(first) == [(None, "failed", "http_503")]
        assert sent == TWICE
        assert posts(server) == TWICE + TWICE[:2]


@pytest.mark.both_dialects
def test_a_batch_cancelled_by_somebody_keeps_its_answers_and_is_not_bought_again(tmp_path: Path) -> None:
    with Server(answer=(model := Model(is_slow))) as server:
        cancel = once_answered(server, Owner.cancel)
        out = run(texts("a", "slow"), server, tmp_path / "job", meanwhile=cancel)
        again = run(texts("a", "slow"), server, tmp_path / "job")
        model.may_answer.set()

        assert said(out) == said(again) == [*ok("a"), CANCELLED]
        assert posts(server).count("/batches") == 1


@pytest.mark.both_dialects
def test_only_the_cancelled_rows_are_bought_when_they_are_asked_for(tmp_path: Path) -> None:
    with Server(answer=(model := Model(is_slow))) as server:
        clock, cancel = StillClock(), once_answered(server, Owner.cancel)
        run(texts("a", "slow"), server, tmp_path / "job", clock=clock, meanwhile=cancel)
        model.may_answer.set()

        out = run(texts("a", "slow"), server, tmp_path / "job", clock=clock, retry="cancelled")

        assert said(out) == ok("a", "slow")
        assert sorted(bill.custom_id[:13] for bill in server.ledger()) == ["dwbatch-row-0", "dwbatch-row-1"]


def test_rows_cancelled_during_a_call_wait_for_the_next_one_though_it_asks_for_them(tmp_path: Path) -> None:
    with Server(answer=(model := Model(is_slow))) as server:
        clock, cancel = StillClock(), once_answered(server, Owner.cancel)

        def meanwhile() -> None:
            cancel()
            if posts(server).count("/batches") > 1:
                model.may_answer.set()

        def call() -> pd.DataFrame:
            return run(
                texts("a", "slow"), server, tmp_path / "job",
                clock=clock, meanwhile=meanwhile, retry="cancelled",
            )  # fmt: skip

        first, bought = call(), posts(server).count("/batches")
        second = call()

        assert said(first) == [*ok("a"), CANCELLED]
        assert bought == 1
        assert said(second) == ok("a", "slow")
        assert posts(server).count("/batches") == 2


@pytest.mark.only_doubleword("only Doubleword leaves such a batch cancelling for ever")
def test_a_batch_cancelled_while_validating_is_over_after_ten_minutes(tmp_path: Path) -> None:
    with Server(populate_delay_s=60) as server:
        owner = Owner(server)
        left = iter([True])
        clock = StillClock()

        def cancel() -> None:
            if next(left, False):
                owner.cancel(owner.batches()[0])

        out = run(texts("a"), server, tmp_path / "job", clock=clock, meanwhile=cancel)

        assert said(out) == [CANCELLED]
        assert owner.statuses() == ["cancelling"]
        assert clock.elapsed > 600


@pytest.mark.only_doubleword("only at Doubleword does a batch end with its input file")
def test_an_input_file_deleted_meanwhile_keeps_the_answers_and_cancels_the_rest(tmp_path: Path) -> None:
    def delete(owner: Owner, batch: dict[str, Any]) -> None:
        owner.call("DELETE", f"/files/{batch['input_file_id']}")

    with Server(answer=(model := Model(is_slow))) as server:
        out = run(texts("a", "slow"), server, tmp_path / "job", meanwhile=once_answered(server, delete))
        model.may_answer.set()

        assert said(out) == [*ok("a"), CANCELLED]
        assert posts(server) == ["/files", "/batches"]


@pytest.mark.only_doubleword("at OpenAI no result file is there meanwhile")
def test_an_output_file_deleted_meanwhile_leaves_its_rows_missing_and_keeps_the_others(
    tmp_path: Path,
) -> None:
    def refuses(_: str, body: dict[str, Any]) -> Outcome | None:
        return Outcome.status(400) if "bad" in body["messages"][0]["content"] else None

    def delete(owner: Owner, batch: dict[str, Any]) -> None:
        owner.until_idle()
        owner.call("DELETE", f"/files/{batch['output_file_id']}")

    with Server(outcomes=refuses) as server:
        out = run(texts("a", "bad"), server, tmp_path / "job", meanwhile=once_answered(server, delete))

        assert said(out) == [(None, "missing", "no_result_line"), (None, "failed", "http_400")]
        assert posts(server) == ["/files", "/batches"]

        bought = run(texts("a", "bad"), server, tmp_path / "job", retry="missing")

        assert said(bought) == [*ok("a"), (None, "failed", "http_400")]


@pytest.mark.both_dialects
def test_answers_read_once_outlive_their_file(tmp_path: Path) -> None:
    with Server(answer=(model := Model(is_slow))) as server:
        owner = Owner(server)
        cancel = once_answered(server, Owner.cancel)
        first = run(texts("a", "slow"), server, tmp_path / "job", meanwhile=cancel)
        for name in ("output_file_id", "error_file_id"):
            owner.call("DELETE", f"/files/{owner.batches()[0][name]}")

        again = run(texts("a", "slow"), server, tmp_path / "job")
        model.may_answer.set()

        assert said(again) == said(first) == [*ok("a"), CANCELLED]
