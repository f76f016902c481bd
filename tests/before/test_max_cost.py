"""max_cost=: a limit that is kept before a batch exists, and that fails closed."""

import pickle
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests

import dwbatch
from dwbatch import ApiError, CostLimitError, InputError
from dwbatch.local import Model, Outcome, Server
from tests.api.calling import SAY, Run, at, files, posts, run_hastily, texts, usual
from tests.engine.world import Crash, Effects
from tests.engine.world import run as run_counted

pytestmark = [
    pytest.mark.promise,
    pytest.mark.only_doubleword("OpenAI estimates no cost, and without an estimate a limit stops all"),
]


def cost_of(server: Server, frame: pd.DataFrame, **options: Any) -> Decimal:
    """What the server says that a frame costs, asked from a checkpoint of its own."""
    told = usual(server) | {"checkpoint": False, "name": "asked"} | options
    cost = dwbatch.estimate(frame, SAY, **told).cost["24h"]
    assert cost is not None
    return cost


def test_more_than_the_limit_is_refused_before_a_batch_exists(server: Server, run: Run) -> None:
    with pytest.raises(CostLimitError) as caught:
        run(texts("one", "two"), max_cost="0.000001")

    error = caught.value
    assert posts(server) == ["/files"]
    assert error.limit == Decimal("0.000001")
    assert error.estimated == cost_of(server, texts("one", "two"))
    assert error.models == {"m": error.estimated}
    assert (error.spent, error.requests, error.window) == (Decimal(0), 2, "24h")


def test_a_later_call_with_a_higher_limit_uploads_nothing_again(server: Server, run: Run) -> None:
    frame = texts("one", "two")
    with pytest.raises(CostLimitError):
        run(frame, max_cost=0, max_requests_per_batch=1)

    out = run(frame, max_cost=1, max_requests_per_batch=1)

    assert out["response_status"].tolist() == ["ok", "ok"]
    assert posts(server) == ["/files"] * 2 + ["/batches"] * 2


def test_a_file_that_is_gone_since_is_uploaded_again_and_priced(server: Server, run: Run) -> None:
    frame = texts("one", "two")
    with pytest.raises(CostLimitError):
        run(frame, max_cost=0, max_requests_per_batch=1)
    requests.delete(f"{server.base_url}/files/{files(server)[0]['id']}", timeout=60)

    out = run(frame, max_cost=1, max_requests_per_batch=1)

    assert out["response_status"].tolist() == ["ok", "ok"]
    assert posts(server) == ["/files"] * 3 + ["/batches"] * 2


def test_the_limit_itself_may_be_spent_and_not_a_hair_more(server: Server, run: Run) -> None:
    frame = texts("one", "two", "three")
    cost = cost_of(server, frame, max_requests_per_batch=1)
    hair = Decimal("0.00000001")

    with pytest.raises(CostLimitError):
        run(frame, max_requests_per_batch=1, max_cost=cost - hair)
    assert "/batches" not in posts(server)
    run(frame, max_requests_per_batch=1, max_cost=str(cost))

    assert posts(server).count("/batches") == 3


def test_the_price_is_that_of_the_window_of_the_call(server: Server, run: Run) -> None:
    cost = cost_of(server, texts("one"))

    with pytest.raises(CostLimitError, match="more than max_cost"):
        run(texts("one"), max_cost=cost, completion_window="1h")


def test_a_server_that_gives_no_price_is_bought_nothing_from() -> None:
    with Server(dialect="openai") as server:
        with pytest.raises(
            CostLimitError, match=r"gives no price for the 24h window .* max_cost=1000000 cannot"
        ):
            at(server)(texts("one"), max_cost=1_000_000)

        assert posts(server) == ["/files"]
        out = at(server)(texts("one"))
        assert posts(server) == ["/files", "/batches"]
    assert out["response_status"].tolist() == ["ok"]


def test_one_model_without_a_price_stops_all() -> None:
    frame = pd.DataFrame({"text": ["one", "two"], "model": ["dear", "free?"]})
    models = {"dear": Model(), "free?": Model(input_price="0", output_price="0")}
    with Server(models=models) as server:
        with pytest.raises(CostLimitError, match=r"gives no price of 'free\?' for the 24h window") as caught:
            at(server)(frame, model="{model}", max_cost=1_000_000)

        assert "/batches" not in posts(server)
    assert caught.value.estimated is None
    assert caught.value.models["dear"] is not None


@pytest.mark.parametrize(
    "told",
    [
        {"total_estimated_cost": "0"},
        {"total_estimated_cost": "0.00000000"},
        {"total_estimated_cost": "-1"},
        {"total_estimated_cost": "NaN"},
        {"total_estimated_cost": "Infinity"},
        {"total_estimated_cost": "0.01", "total_requests": 1},
        {"total_estimated_cost": "0.01", "models": [{"model": "m", "estimated_cost": None}]},
        {"price": "0.01"},
        "<html>",
    ],
    ids=str,
)
def test_whatever_is_no_price_is_refused(server: Server, run: Run, told: Any) -> None:
    server.faults.reply("GET", "/files/{id}/cost-estimate", status=200, body=told, times=None)

    with pytest.raises(CostLimitError, match="gives no price"):
        run(texts("one", "two"), max_cost=1_000_000)

    assert posts(server) == ["/files"]


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_server_that_refuses_the_question_is_bought_nothing_from(
    server: Server, run: Run, status: int
) -> None:
    server.faults.reply("GET", "/files/{id}/cost-estimate", status=status, body="no", times=None)

    with pytest.raises(ApiError, match=str(status)):
        run(texts("one"), max_cost=1_000_000)

    assert posts(server) == ["/files"]


def test_what_is_bought_already_is_no_part_of_it(server: Server, run: Run) -> None:
    run(texts("one", "two"))
    asked = len(server.exchanges())

    run(texts("one", "two"), max_cost=0)
    assert len(server.exchanges()) == asked

    run(texts("one", "two", "three"), max_cost=cost_of(server, texts("three")))
    assert len(server.ledger()) == 3


def test_what_is_asked_for_again_is_part_of_it() -> None:
    with Server(outcomes=lambda _, __: Outcome.status(400)) as server:
        at(server)(texts("one"), retry=False)

        with pytest.raises(CostLimitError):
            at(server)(texts("one"), retry="failed", max_cost=0)

        assert posts(server).count("/batches") == 1


def test_what_fails_on_the_way_is_sent_again_only_within_the_limit() -> None:
    failing = [Outcome.network_error()]
    with Server(outcomes=lambda _, __: failing[0] if failing else None) as server:
        cost = cost_of(server, texts("one"))

        with pytest.raises(CostLimitError, match="What this call has bought before, for about") as caught:
            run_hastily(server, texts("one"), max_cost=cost * Decimal("1.5"))

        assert (caught.value.spent, caught.value.estimated) == (cost, cost)
        assert posts(server).count("/batches") == 1
        failing.clear()
        out = run_hastily(server, texts("one"), max_cost=cost * Decimal("1.5"))
    assert out["response_status"].tolist() == ["ok"]


def test_submit_keeps_the_limit_too(server: Server) -> None:
    with pytest.raises(CostLimitError):
        dwbatch.submit(texts("one"), SAY, **usual(server), max_cost=0)

    assert posts(server) == ["/files"]


def test_the_error_travels_between_processes_and_says_what_to_do(run: Run) -> None:
    with pytest.raises(CostLimitError) as caught:
        run(texts("one"), max_cost=0)

    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own
    assert str(caught.value) == (
        f"1 requests would cost about {caught.value.estimated:f} by the server's estimate (m: "
        f"{caught.value.estimated:f}), more than max_cost=0 leaves. Nothing was bought; the files are uploaded, and "
        "the same call with a higher max_cost= buys them without another upload."
    )


@pytest.mark.parametrize("amount", [-1, "five", "", "NaN", float("inf"), True, [1]])
def test_what_is_no_amount_is_refused(server: Server, run: Run, amount: Any) -> None:
    with pytest.raises(InputError, match="max_cost= takes an amount of at least 0"):
        run(texts("one"), max_cost=amount)

    assert server.exchanges() == []


@pytest.fixture(scope="module")
def counted() -> Iterator[Server]:
    with Server() as running:
        yield running


def test_a_crash_anywhere_before_a_refusal_costs_nothing_and_loses_nothing(
    counted: Server, tmp_path: Path
) -> None:
    for at_effect in range(500):
        name, bought = f"refused{at_effect}", len(counted.ledger())
        options: dict[str, Any] = {"checkpoint": tmp_path / name, "name": name, "edition": name}
        effects, is_refused = Effects(crash_before=at_effect), False
        try:
            run_counted(texts("one"), counted, effects, **options, max_cost=0)
        except Crash:
            pass
        except CostLimitError:
            is_refused = True

        assert len(counted.ledger()) == bought
        out = run_counted(texts("one"), counted, Effects(), **options, max_cost=1)
        assert out["response_status"].tolist() == ["ok"]
        assert len(counted.ledger()) == bought + 1
        if is_refused:
            return
    raise AssertionError("the call was never refused")


def test_a_crash_anywhere_under_a_limit_is_resumed_under_the_same(counted: Server, tmp_path: Path) -> None:
    cost = cost_of(counted, texts("one"), name="counted")
    for at_effect in range(500):
        name, bought = f"limited{at_effect}", len(counted.ledger())
        options: dict[str, Any] = {"checkpoint": tmp_path / name, "name": name, "edition": name}
        effects, is_over = Effects(crash_before=at_effect), False
        try:
            run_counted(texts("one"), counted, effects, **options, max_cost=2 * cost)
            is_over = True
        except Crash:
            pass

        out = run_counted(texts("one"), counted, Effects(), **options, max_cost=2 * cost)

        assert out["response_status"].tolist() == ["ok"]
        assert len(counted.ledger()) == bought + 1
        if is_over:
            return
    raise AssertionError("the call never came to its end")
