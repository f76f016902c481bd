"""max_cost= where not all can be priced first: shard by shard, what is bought and what is next within the limit."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dwbatch import CostLimitError
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.given import read_options
from dwbatch.local import Server
from dwbatch.parquet.carrying import carry_out
from dwbatch.parquet.door import prepared
from dwbatch.parquet.report import ParquetReport
from tests.api.calling import posts, texts
from tests.engine.world import Crash, Effects, counted, run
from tests.parquet.jobs import SAY, answers, write

pytestmark = [
    pytest.mark.promise,
    pytest.mark.only_doubleword("OpenAI estimates no cost, and without an estimate a limit stops all"),
]

EACH = {"total_estimated_cost": "1.00", "models": [{"model": "echo", "estimated_cost": "1.00"}]}


@pytest.fixture
def server() -> Iterator[Server]:
    """A server at which each file costs 1."""
    with Server() as running:
        running.faults.reply("GET", "/files/{id}/cost-estimate", status=200, body=EACH, times=None)
        yield running


def states(folder: Path) -> list[str]:
    return [str(shard.state) for shard in Checkpoint(folder).shards()]


def parquet(server: Server, folder: Path, **options: Any) -> ParquetReport:
    """One request a shard, one worker."""
    given, means = counted(server, Effects(), **options)
    call, output = prepared(folder / "in", folder / "out", SAY, read_options(given, call="run_parquet"))
    return carry_out(call, output, means)


def five(folder: Path) -> Path:
    write(folder / "in" / "a.parquet", "a", "b", "c", "d", "e")
    return folder


def test_what_fits_is_bought_and_nothing_after_it_is_uploaded(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CostLimitError) as caught:
        parquet(server, five(tmp_path), max_cost="2.50")

    error = caught.value
    assert posts(server) == ["/files", "/batches"] * 2 + ["/files"]
    assert states(tmp_path / "out.dwbatch") == ["FETCHED", "FETCHED", "UPLOADED", "PLANNED", "PLANNED"]
    assert (error.spent, error.estimated) == (Decimal(2), Decimal(1))
    assert (error.requests, error.waiting) == (1, 2)
    assert str(error) == (
        "1 requests would cost about 1.00 by the server's estimate (echo: 1.00), more than max_cost=2.50 leaves. What "
        "this call has bought before, for about 2.00, is kept; the files are uploaded, and the same call with a "
        "higher max_cost= buys them without another upload. 2 requests more wait behind them."
    )


def test_a_higher_limit_goes_on_from_there(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CostLimitError):
        parquet(server, five(tmp_path), max_cost=2)
    before = posts(server)

    parquet(server, tmp_path, max_cost=3)

    assert answers(tmp_path / "out") == [f"echo: say {text}" for text in "abcde"]
    assert Counter(posts(server)[len(before) :]) == {"/files": 2, "/batches": 3}


def test_a_frame_is_priced_whole_and_nothing_of_it_is_bought(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CostLimitError) as caught:
        run(texts("a", "b", "c"), server, Effects(), checkpoint=tmp_path / "job", max_cost="2.50")

    assert posts(server) == ["/files"] * 3
    assert caught.value.estimated == Decimal(3)
    assert (caught.value.requests, caught.value.waiting) == (3, 0)


@pytest.mark.parametrize("most", [1, 2])
def test_a_frame_whose_uploads_wait_is_bought_shard_by_shard(
    server: Server, tmp_path: Path, most: int
) -> None:
    effects = Effects()

    run(texts(*"abcde"), server, effects, checkpoint=tmp_path / "job", max_active_batches=most, max_cost=5)

    active, highest = 0, 0
    for effect in effects.trace:
        active += effect == "POST /v1/files"
        active -= effect == "sync results/"
        highest = max(highest, active)
    assert highest == most
    assert posts(server).count("/batches") == 5


def test_without_a_price_nothing_is_bought_and_one_file_is_uploaded(tmp_path: Path) -> None:
    with Server(dialect="openai") as server:
        with pytest.raises(CostLimitError, match=r"gives no price .* 4 requests more wait"):
            parquet(server, five(tmp_path), max_cost=1_000_000)

        assert posts(server) == ["/files"]


def test_a_price_that_is_late_stops_nothing_that_runs(tmp_path: Path) -> None:
    asking = "/files/{id}/cost-estimate"
    with Server() as server:
        server.faults.reply("GET", asking, status=503, body="later", times=5, skip=1)
        server.faults.reply("GET", asking, status=200, body=EACH, times=None)

        report = parquet(server, five(tmp_path), max_cost=5)

        assert len(server.faults.fired) == 1 + 5 + 4
    assert report.ok == 5


@pytest.mark.parametrize("stride", [3, pytest.param(1, marks=pytest.mark.slow)])
def test_a_crash_anywhere_below_the_limit_spends_no_more_than_the_limit(
    server: Server, tmp_path: Path, stride: int
) -> None:
    for at in range(0, 500, stride):
        name = f"crash{at}"
        options: dict[str, Any] = {"checkpoint": tmp_path / name, "name": name, "edition": name}
        options |= {"max_active_batches": 1, "max_cost": 1}
        is_over = False
        for effects in (Effects(crash_before=at), Effects(), Effects(), Effects()):
            before = len(server.ledger())
            try:
                run(texts("a", "b", "c"), server, effects, **options)
            except Crash:
                pass
            except CostLimitError:
                is_over |= effects.crash_before is not None
            assert len(server.ledger()) <= before + 1

        billed = Counter(bill.custom_id for bill in server.ledger() if bill.custom_id.startswith(f"{name}-"))
        assert sorted(billed.values()) == [1, 1, 1], name
        assert set(states(tmp_path / name)) == {"FETCHED"}
        if is_over:
            return
    raise AssertionError("the first call never came to its end")


def test_a_purchase_in_doubt_is_looked_up_and_not_made_below_the_limit(
    server: Server, tmp_path: Path
) -> None:
    effects = Effects()
    run(texts("a"), server, effects, checkpoint=tmp_path / "first", edition="first", max_cost=1)
    at = effects.trace.index("POST /v1/batches")
    with pytest.raises(Crash):
        run(texts("b"), server, Effects(crash_before=at), checkpoint=tmp_path / "job", max_cost=1)
    before = posts(server)

    with pytest.raises(CostLimitError, match="Nothing was bought"):
        run(texts("b"), server, Effects(), checkpoint=tmp_path / "job", max_cost=Decimal("0.5"))

    assert posts(server) == before
    assert states(tmp_path / "job") == ["SUBMITTING"]
