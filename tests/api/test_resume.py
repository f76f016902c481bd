"""The same call again goes on; what changed is sent, and nothing else."""

from pathlib import Path

import pandas as pd
import pytest

from dwbatch.local import Server
from tests.api.calling import SAY, Listener, Run, at, posts, texts, usual


def test_a_finished_job_sends_nothing_and_returns_the_same_frame(server: Server, run: Run) -> None:
    first = run(texts("one", None, "two"))
    asked = len(server.exchanges())

    again = run(texts("one", None, "two"))

    pd.testing.assert_frame_equal(again, first)
    assert len(server.exchanges()) == asked


def test_a_finished_job_needs_no_server() -> None:
    with Server() as server:
        options = usual(server)
        first = texts("one").doubleword.run(SAY, **options)

    again = texts("one").doubleword.run(SAY, **options)

    pd.testing.assert_frame_equal(again, first)


def test_added_rows_alone_are_sent() -> None:
    model = Listener()
    with Server(answer=model) as server:
        at(server)(texts("one", "two"))
        out = at(server)(texts("zero", "one", "two", "three"))

    assert model.prompts == ["say one", "say three", "say two", "say zero"]
    assert out["response_status"].tolist() == ["ok"] * 4


def test_changed_rows_alone_are_sent() -> None:
    model = Listener()
    with Server(answer=model) as server:
        at(server)(texts("one", "two"))
        at(server)(texts("one", "TWO"))

    assert model.prompts == ["say TWO", "say one", "say two"]


@pytest.mark.parametrize("frame", [texts("two", "one"), texts("one"), texts("two", "two", "one")])
def test_turned_dropped_and_repeated_rows_send_nothing(server: Server, run: Run, frame: pd.DataFrame) -> None:
    run(texts("one", "two"))

    out = run(frame, dedupe=True)

    assert posts(server) == ["/files", "/batches"]
    assert out["response"].tolist() == [f"echo: say {text}" for text in frame["text"]]


def test_another_edition_buys_anew_and_only_once(server: Server, run: Run) -> None:
    run(texts("one"))

    for _ in range(2):
        run(texts("one"), edition="june")

    assert len(server.ledger()) == 2


def test_samples_without_deduplication_are_bought_once_each(server: Server, run: Run) -> None:
    run(texts("a", "a"), dedupe=False)
    run(texts("a", "a", "a"), dedupe=False)

    assert len(server.ledger()) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"output": "label"},
        {"details": True},
        {"completion_window": "1h"},
        {"max_requests_per_batch": 1},
        {"custom_id": "mine-{text}"},
        {"metadata": {"a": "b"}},
        {"poll_interval": 0.03, "timeout": "1h"},
        {"name": "another"},
    ],
)
def test_what_does_not_change_the_request_buys_nothing(
    server: Server, run: Run, changed: dict[str, object]
) -> None:
    run(texts("one", "two"))

    run(texts("one", "two"), **changed)

    assert len(server.ledger()) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "n"},
        {"temperature": 0.5},
        {"system": "Be kind."},
        {"extra_body": {"user": "b"}},
        {"seed": 1},
    ],
)
def test_what_changes_the_request_buys_it(server: Server, run: Run, changed: dict[str, object]) -> None:
    run(texts("one"))

    run(texts("one"), **changed)

    assert len(server.ledger()) == 2


def test_another_column_with_the_same_text_is_the_same_request(server: Server, run: Run) -> None:
    run(texts("one"))

    run(pd.DataFrame({"review": ["one"]}), "say {review}")

    assert len(server.ledger()) == 1


def test_one_folder_takes_several_recipes_and_mixes_none_of_their_answers(server: Server, run: Run) -> None:
    said = run(texts("one"))
    cried = run(texts("one"), "cry {text}")

    assert (said.loc[0, "response"], cried.loc[0, "response"]) == ("echo: say one", "echo: cry one")
    pd.testing.assert_frame_equal(run(texts("one")), said)
    assert len(server.ledger()) == 2


def test_answers_of_one_server_never_stand_in_for_those_of_another() -> None:
    with Server(answer=Listener("cheap")) as cheap, Server(answer=Listener("dear")) as dear:
        said = [at(server)(texts("one")).loc[0, "response"] for server in (cheap, dear, cheap)]

    assert said == ["cheap", "dear", "cheap"]


def test_answers_of_several_batches_stand_beside_new_ones(server: Server, run: Run) -> None:
    run(texts(*"abc"), max_requests_per_batch=1)

    out = run(texts(*"abcd"))

    assert out["response"].tolist() == [f"echo: say {letter}" for letter in "abcd"]
    assert posts(server).count("/batches") == 4


def test_a_frame_that_went_through_parquet_sends_nothing(server: Server, run: Run, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": ["a", "b"],
            "when": pd.to_datetime(["2026-01-02", "2026-01-03"]),
            "n": pd.array([1, 2], dtype="Int64"),
            "cell": [{"b": 1, "a": None}, {"a": 2.0, "b": 3}],
            "list": [[1, 2], [3]],
            "kind": pd.Categorical(["x", "y"]),
        }
    )
    prompt = "{text} {when} {n} {cell} {list} {kind}"
    run(frame, prompt)
    frame.to_parquet(tmp_path / "frame.parquet")

    run(pd.read_parquet(tmp_path / "frame.parquet"), prompt)

    assert len(server.ledger()) == 2
