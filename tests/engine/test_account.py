"""The folder is lost, or stands elsewhere: what the account holds is found there and not bought again."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from dwbatch.local import Outcome, Server
from tests.engine.elsewhere import Altered, Model, Owner, call, ok, posts, run, said, texts

pytestmark = pytest.mark.promise

LETTERS = "abcdefghijklmnopqrst"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.mark.both_dialects
def test_a_lost_folder_is_found_again_in_the_account(server: Server, tmp_path: Path) -> None:
    first = run(texts("a", "b", "c"), server, tmp_path / "job", max_requests_per_batch=1)
    sent = posts(server)
    shutil.rmtree(tmp_path / "job")

    again = run(texts("a", "b", "c"), server, tmp_path / "job", max_requests_per_batch=1)

    assert again.equals(first)
    assert posts(server) == sent


def test_ten_rows_there_and_the_whole_frame_here_buy_only_the_rest(server: Server, tmp_path: Path) -> None:
    run(texts(*LETTERS).head(10), server, tmp_path / "there")

    out, summary = call(texts(*LETTERS), server, tmp_path / "here")

    assert said(out) == ok(*LETTERS)
    assert (summary.sent, len(server.ledger())) == (10, 20)


@pytest.mark.both_dialects
def test_an_edited_frame_buys_its_new_rows_and_every_answer_stays_on_its_row(
    server: Server, tmp_path: Path
) -> None:
    run(texts("a", "b", "c", "d"), server, tmp_path / "there")

    out = run(texts("new", "d", "b", "a"), server, tmp_path / "here")

    assert said(out) == ok("new", "d", "b", "a")
    assert len(server.ledger()) == 5


@pytest.mark.both_dialects
def test_a_running_batch_is_adopted_and_waited_for(tmp_path: Path) -> None:
    model = Model()
    with Server(answer=model) as server:
        with pytest.raises(TimeoutError):
            run(texts("a", "b"), server, tmp_path / "there", meanwhile=lambda: None, timeout=5)

        out = run(texts("a", "b"), server, tmp_path / "here", meanwhile=model.may_answer.set)

        assert said(out) == ok("a", "b")
        assert posts(server) == ["/files", "/batches"]


@pytest.mark.parametrize("kind", [False, "transient"])
def test_a_failed_batch_is_adopted_with_what_it_has(tmp_path: Path, kind: object) -> None:
    with Server(outcomes=lambda _, __: Outcome.status(400)) as server:
        first = run(texts("a", "b"), server, tmp_path / "there")

        out = run(texts("a", "b"), server, tmp_path / "here", retry=kind)

        assert said(out) == said(first) == [(None, "failed", "http_400")] * 2
        assert len(server.ledger()) == 2


def test_a_cancelled_batch_is_adopted_and_its_cancel_respected(tmp_path: Path) -> None:
    model = Model(lambda prompt: "slow" in prompt)
    with Server(answer=model) as server:
        owner = Owner(server)
        with pytest.raises(TimeoutError):
            run(texts("a", "slow"), server, tmp_path / "there", meanwhile=lambda: None, timeout=5)
        server.wait_until(lambda: owner.batches()[0]["request_counts"]["completed"] == 1)
        owner.cancel(owner.batches()[0])

        out = run(texts("a", "slow"), server, tmp_path / "here")
        model.may_answer.set()

        assert said(out) == [*ok("a"), (None, "cancelled", "batch_cancelled")]
        assert posts(server).count("/batches") == 1


def test_a_row_that_was_sent_again_is_found_with_its_second_answer(tmp_path: Path) -> None:
    fails = iter([True])
    with Server(outcomes=lambda _, __: Outcome.status(503) if next(fails, False) else None) as server:
        first = run(texts("a"), server, tmp_path / "there")

        out = run(texts("a"), server, tmp_path / "here")

        assert said(out) == said(first) == ok("a")
        assert posts(server).count("/batches") == 2


def test_another_edition_is_bought_anew_and_once(server: Server, tmp_path: Path) -> None:
    run(texts("a"), server, tmp_path / "there")

    for folder in ("here", "and here"):
        out = run(texts("a"), server, tmp_path / folder, edition="june")

    assert said(out) == ok("a")
    assert len(server.ledger()) == 2


def test_what_is_adopted_is_named_with_its_date(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(texts("a", "b"), server, tmp_path / "there")
    (batch,) = Owner(server).batches()

    run(texts("a", "b"), server, tmp_path / "here", progress=True)

    shown = capsys.readouterr().err
    assert f"Adopted batch {batch['id']} of 20" in shown
    assert "2 requests that are not bought again" in shown


@pytest.mark.parametrize("count", [3, 20], ids=["few", "more than the metadata names"])
def test_custom_ids_of_ones_own_are_adopted_through_the_bodies(
    server: Server, tmp_path: Path, count: int
) -> None:
    frame = texts(*LETTERS[:count])
    run(frame, server, tmp_path / "there", custom_id="mine-{text}")

    out = run(frame[::-1], server, tmp_path / "here", custom_id="mine-{text}")

    assert said(out) == ok(*LETTERS[:count][::-1])
    assert len(server.ledger()) == count


@pytest.mark.parametrize("most", [1, 50], ids=["a batch each", "one batch"])
@pytest.mark.parametrize("custom_id", [None, "mine-{number}"])
def test_samples_of_one_prompt_are_adopted_as_so_many(
    server: Server, tmp_path: Path, most: int, custom_id: str | None
) -> None:
    frame = texts("same", "same", "same").assign(number=[1, 2, 3])
    options = {"dedupe": False, "custom_id": custom_id, "max_requests_per_batch": most}
    run(frame, server, tmp_path / "there", **options)

    out = run(frame, server, tmp_path / "here", **options)

    assert said(out) == ok("same", "same", "same")
    assert len(server.ledger()) == 3


def test_more_samples_than_the_metadata_names_are_adopted(server: Server, tmp_path: Path) -> None:
    frame = texts(*["same"] * 40).assign(number=range(40))
    run(frame, server, tmp_path / "there", dedupe=False, custom_id="mine-{number}")

    run(frame, server, tmp_path / "here", dedupe=False, custom_id="mine-{number}")

    assert len(server.ledger()) == 40


def test_a_purchase_doubled_by_hand_is_kept_whole_and_warned_of(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(texts("a"), server, tmp_path / "there")
    owner = Owner(server)
    owner.buy_again(owner.batches()[0])

    out = run(texts("a"), server, tmp_path / "here")

    assert said(out) == ok("a")
    assert owner.statuses() == ["completed", "completed"]
    assert "2 batches of the account carry the mark" in caplog.text


def test_the_answers_of_a_doubled_purchase_stand_though_its_first_batch_was_cancelled(tmp_path: Path) -> None:
    model = Model()
    with Server(answer=model) as server:
        owner = Owner(server)
        with pytest.raises(TimeoutError):
            run(texts("a"), server, tmp_path / "there", meanwhile=lambda: None, timeout=5)
        owner.cancel(owner.batches()[0])
        owner.buy_again(owner.batches()[0])
        model.may_answer.set()

        out = run(texts("a"), server, tmp_path / "here")

        assert said(out) == ok("a")
        assert posts(server).count("/batches") == 2


def test_a_server_that_does_not_search_is_searched_here(server: Server, tmp_path: Path) -> None:
    def forget(request: requests.PreparedRequest) -> None:
        request.url = str(request.url).replace("search=", "ignored=")

    run(texts("foreign"), server, tmp_path / "other", prompt="Other {text}")
    run(texts("a", "b"), server, tmp_path / "there", wire=Altered(request=forget))

    out = run(texts("a", "b"), server, tmp_path / "here", wire=Altered(request=forget))

    assert said(out) == ok("a", "b")
    assert len(server.ledger()) == 3
