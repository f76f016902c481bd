"""estimate(): the server's own price, for which the files go up and nothing is bought."""

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import requests

import dwbatch
from dwbatch.before.estimate import ask_price
from dwbatch.call import prepare
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import State
from dwbatch.given import read_options
from dwbatch.local import Model, Server
from dwbatch.opening import Means
from tests.api.calling import SAY, Run, posts, texts, usual
from tests.engine.world import CountedAdapter, CountedDisk, Crash, Effects, StillClock, until_idle
from tests.engine.world import run as run_counted


def test_the_server_prices_both_windows_and_nothing_is_bought(server: Server) -> None:
    found = dwbatch.estimate(texts("one", "two", None), SAY, **usual(server))

    assert list(found.cost) == ["24h", "1h"]
    assert found.cost["24h"] is not None
    assert found.cost["1h"] == 2 * found.cost["24h"] > 0
    assert (found.plan.new, found.plan.uploaded, found.is_guess) == (2, 1, False)
    assert posts(server) == ["/files"]


def test_the_run_that_follows_uploads_nothing_again_and_counts_what_it_sends(
    server: Server, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = texts(*"abcde")
    for _ in range(2):
        dwbatch.estimate(frame, SAY, **usual(server), max_requests_per_batch=2)

    out = run(frame, max_requests_per_batch=2, progress=True)

    assert posts(server) == ["/files"] * 3 + ["/batches"] * 3
    assert out["response_status"].tolist() == ["ok"] * 5
    assert "5 requests sent" in capsys.readouterr().err


def test_several_files_are_priced_together_and_by_model(server: Server) -> None:
    frame = pd.DataFrame({"text": ["one", "two", "three"], "model": ["m", "n", "m"]})
    options = {**usual(server), "model": "{model}"}

    parts = dwbatch.estimate(frame, SAY, **options, max_requests_per_batch=1)
    whole = dwbatch.estimate(frame, SAY, **options | {"checkpoint": "another", "name": "another"})

    models = parts.models()
    assert models.loc["m", "requests"] == 2
    assert models["cost_24h"].sum() == parts.cost["24h"]
    assert models["prompt_tokens"].sum() <= parts.plan.tokens
    assert models["prompt_tokens"].dtype == "Int64"
    assert whole.cost["24h"] == pytest.approx(parts.cost["24h"], rel=Decimal("0.1"))


def test_tokens_of_one_file_are_those_of_the_plan(server: Server) -> None:
    found = dwbatch.estimate(texts("one", "two"), SAY, **usual(server))

    assert found.models()["prompt_tokens"].tolist() == [found.plan.tokens]


@pytest.mark.parametrize("model", [Model(input_price="0", output_price="0"), None])
def test_a_price_of_nothing_is_no_price(model: Model | None) -> None:
    with Server(models={"dear": Model()} | ({"m": model} if model else {})) as server:
        frame = pd.DataFrame({"text": ["one", "two"], "model": ["dear", "m" if model else "dear"]})
        if not model:
            server.faults.reply("GET", "/files/{id}/cost-estimate", status=200, body={"total_estimated_cost": "NaN"}, times=None)  # fmt: skip

        found = dwbatch.estimate(frame, SAY, **usual(server) | {"model": "{model}"})

    assert found.cost == {"24h": None, "1h": None}
    if model:
        costs = found.models()["cost_24h"]
        assert (costs["dear"] > 0, costs["m"]) == (True, None)
        assert "unknown in the 24h window" in str(found)


def test_a_server_without_prices_leaves_a_guess_that_says_so() -> None:
    with Server(dialect="openai") as server:
        found = dwbatch.estimate(texts("one", "two"), SAY, **usual(server))

        assert posts(server) == ["/files"]
    assert found.is_guess
    assert found.cost == {"24h": None, "1h": None}
    assert "the server tells no price; about " in str(found)
    assert found.plan.tokens > 0


def test_where_nothing_is_to_be_bought_it_costs_nothing(server: Server, run: Run) -> None:
    run(texts("one"))
    sent = posts(server)

    found = dwbatch.estimate(texts("one"), SAY, **usual(server))

    assert found.cost["24h"] == Decimal(0)
    assert (found.plan.answered, found.is_guess) == (1, False)
    assert posts(server) == sent


def test_the_window_of_the_call_is_priced_beside_the_usual_two(server: Server) -> None:
    found = dwbatch.estimate(texts("one"), SAY, **usual(server), completion_window="6h")

    assert list(found.cost) == ["24h", "1h", "6h"]


def test_without_a_checkpoint_no_folder_is_left(server: Server, tmp_path: Path) -> None:
    found = dwbatch.estimate(texts("one"), SAY, **usual(server) | {"checkpoint": False})

    assert (found.plan.checkpoint, found.plan.is_begun) == (None, False)
    assert list(tmp_path.iterdir()) == []


def test_a_table_and_a_sentence_show_it(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    found = texts("one").doubleword.estimate(SAY, **usual(server) | {"progress": True})

    amount = f"{found.cost['24h']:f}"
    assert str(found).startswith(f"1 requests: {amount} in the 24h window;")
    assert str(found) in capsys.readouterr().err
    assert f">{amount}</td>" in found._repr_html_()


@pytest.mark.promise
def test_an_estimate_that_dies_anywhere_buys_nothing_and_the_run_buys_once(tmp_path: Path) -> None:
    with Server() as server:
        for at in range(500):
            name = f"job{at}"
            bought = len(server.ledger())

            is_over = died(server, tmp_path / name, name, at=at)

            assert len(server.ledger()) == bought
            out = run_counted(
                texts("one"), server, Effects(), checkpoint=tmp_path / name, name=name, edition=name
            )
            assert out["response_status"].tolist() == ["ok"]
            assert len(server.ledger()) == bought + 1
            (shard,) = [
                shard for shard in Checkpoint(tmp_path / name).shards() if shard.state is not State.DROPPED
            ]
            assert shard.state is State.FETCHED
            if is_over:
                return
    raise AssertionError("the estimate never came to its end")


def died(server: Server, folder: Path, name: str, *, at: int) -> bool:
    """Estimate until an effect, at which the process dies; whether it came to its end."""
    effects = Effects(crash_before=at)
    session = requests.Session()
    session.mount("http://", CountedAdapter(effects))
    options = {
        "model": "echo",
        "base_url": server.base_url,
        "progress": False,
        "session": session,
        "checkpoint": folder,
        "name": name,
        "edition": name,
    }
    call = prepare(texts("one"), "Say {text}", read_options(options, call="estimate"))
    means = Means(clock=StillClock(until_idle(server)), disk=CountedDisk(effects), workers=1)
    try:
        ask_price(call, means)
    except Crash:
        return False
    return True
