"""What is sent again: the kinds that were asked for, in a new shard, once a call, and nothing else."""

import itertools
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from dwbatch.local import Server
from dwbatch.local.limits import Model
from dwbatch.local.outcomes import Outcome
from tests.engine.weather import bought, make_call, shards_in, statuses, texts
from tests.engine.world import Crash, Effects, StillClock, run, until_idle

pytestmark = pytest.mark.promise

Fate = Callable[[], Outcome | None]


def always(outcome: Outcome) -> Fate:
    return lambda: outcome


def first(count: int, outcome: Outcome) -> Fate:
    """That end for the first `count` tries of a row, then an answer."""
    tries = itertools.count()
    return lambda: outcome if next(tries) < count else None


def scripted(fates: dict[str, Fate]) -> Callable[[str, dict[str, object]], Outcome | None]:
    """Outcomes by the text of the prompt."""

    def outcome(_: str, body: dict[str, object]) -> Outcome | None:
        told = str(body["messages"])
        return next((fate() for text, fate in fates.items() if text in told), None)

    return outcome


MIXED = {
    "broken": Outcome.status(400),
    "busy": Outcome.status(503),
    "short": Outcome.truncated(),
    "cut": Outcome.network_error(),
}
FRAME = texts("fine", "broken", "busy", "short", "cut")
KINDS: list[tuple[object, list[int]]] = [
    ("transient", [2, 4]),
    ("failed", [1]),
    ("truncated", [3]),
    (["transient", "failed"], [1, 2, 4]),
    (["transient", "failed", "truncated", "missing", "cancelled", "invalid"], [1, 2, 3, 4]),
    (False, []),
]


@pytest.mark.both_dialects
@pytest.mark.parametrize(("retry", "again"), KINDS, ids=str)
def test_each_kind_sends_its_own_rows_again_once_in_a_new_shard(
    tmp_path: Path, retry: object, again: list[int]
) -> None:
    fates = {text: first(1, outcome) for text, outcome in MIXED.items()}
    with Server(outcomes=scripted(fates)) as server:
        out, _ = make_call(FRAME, server, tmp_path / "job", retry=retry)

        asked = [statuses(out)[row] for row in again]
        shards = shards_in(tmp_path / "job")
    assert asked == ["ok"] * len(again)
    assert [status for row, status in enumerate(statuses(out)) if row not in [0, *again]] == [
        status for row, status in enumerate(["ok", "failed", "failed", "truncated", "failed"]) if row not in [0, *again]
    ]  # fmt: skip
    assert [shard.requests for shard in shards] == [5, len(again)][: 1 + bool(again)]


def test_a_row_that_fails_again_is_tried_once_more_a_call_and_no_more(tmp_path: Path) -> None:
    with Server(outcomes=scripted({"busy": always(Outcome.status(503))})) as server:
        tried = []
        for _ in range(3):
            out, _ = make_call(texts("fine", "busy"), server, tmp_path / "job", timeout="1 min")
            tried.append([len(shards_in(tmp_path / "job")), statuses(out)])

    # The first call tries twice; each later one once, as it was asked to.
    assert tried == [[2, ["ok", "failed"]], [3, ["ok", "failed"]], [4, ["ok", "failed"]]]


@pytest.mark.both_dialects
@pytest.mark.parametrize("retry", ["transient", "failed", False])
def test_a_job_with_nothing_owed_sends_nothing(tmp_path: Path, retry: object) -> None:
    with Server() as server:
        make_call(texts("a", "b"), server, tmp_path / "job", retry=retry)
        sent = len(server.exchanges())

        out, _ = make_call(texts("a", "b"), server, tmp_path / "job", retry=retry)

        assert server.exchanges()[sent:] == []
        assert statuses(out) == ["ok", "ok"]


def test_final_failures_are_nothing_owed(tmp_path: Path) -> None:
    with Server(outcomes=scripted({"broken": always(Outcome.status(400))})) as server:
        make_call(texts("fine", "broken"), server, tmp_path / "job")
        sent = len(server.exchanges())

        out, _ = make_call(texts("fine", "broken"), server, tmp_path / "job")

        assert server.exchanges()[sent:] == []
        assert statuses(out) == ["ok", "failed"]


FLIPPING = texts("fine", "short")


@pytest.mark.both_dialects
def test_an_answer_is_never_replaced_by_a_later_failure(tmp_path: Path) -> None:
    fates = {"fine": first(0, Outcome.status(400)), "short": first(1, Outcome.truncated())}
    with Server(outcomes=scripted(fates)) as server:
        first_out, _ = make_call(FLIPPING, server, tmp_path / "job", retry=False)
        fates |= {text: always(Outcome.status(400)) for text in fates}

        out, _ = make_call(FLIPPING, server, tmp_path / "job", retry=["truncated", "failed"])

        # The second try of the cut answer failed; what was paid for first stands.
        assert statuses(first_out) == statuses(out) == ["ok", "truncated"]
        assert bought(server) == [1, 2]


def test_rows_without_money_wait_for_the_next_call_and_only_they_are_sent(tmp_path: Path) -> None:
    frame = texts(*"abcdefgh")
    costly = {"echo": Model(input_price="0.001", output_price="0.001")}
    with Server(models=costly, balance=Decimal("0.02"), concurrency=1) as server:
        clock = StillClock(until_idle(server))
        out, _ = make_call(frame, server, tmp_path / "job", clock=clock)
        unpaid = [row for row, status in enumerate(statuses(out)) if status == "failed"]
        shards = [shard.requests for shard in shards_in(tmp_path / "job")]
        server.balance = Decimal(10)

        topped_up, _ = make_call(frame, server, tmp_path / "job", clock=clock)

        assert 0 < len(unpaid) < 8
        assert set(out["response_error_code"].dropna()) == {"insufficient_credits"}
        assert shards == [8]
        assert statuses(topped_up) == ["ok"] * 8
        assert [shard.requests for shard in shards_in(tmp_path / "job")] == [8, len(unpaid)]
        assert bought(server) == [1] * 8


def test_cancelled_rows_wait_for_a_call_that_asks_for_them(tmp_path: Path) -> None:
    with Server() as server:
        folder = tmp_path / "job"
        with pytest.raises(Crash):
            run(
                texts("a", "b"), server, Effects(crash_before=20),
                checkpoint=folder, name="stop", max_requests_per_batch=9,
            )  # fmt: skip
        (folder / "stop").touch()

        stopped, _ = make_call(texts("a", "b"), server, folder, name="stop")
        asked, _ = make_call(texts("a", "b"), server, folder, name="stop", retry="cancelled")

        assert statuses(stopped) == ["cancelled", "cancelled"]
        assert statuses(asked) == ["ok", "ok"]
        assert bought(server) == [1, 1]


SECOND = texts("fine", "busy")


def second_call(server: Server, folder: Path, name: str, effects: Effects) -> pd.DataFrame:
    return run(SECOND, server, effects, checkpoint=folder, name=name, edition=name, max_requests_per_batch=9)


def test_a_crash_at_any_effect_of_a_second_call_sends_again_what_was_owed_once(tmp_path: Path) -> None:
    # Every row "busy" fails at its first two tries: those of the first call.
    tries: Counter[str] = Counter()

    def outcome(custom_id: str, body: dict[str, object]) -> Outcome | None:
        tries[custom_id] += 1
        return Outcome.status(503) if "busy" in str(body["messages"]) and tries[custom_id] <= 2 else None

    with Server(outcomes=outcome) as server:
        effects = Effects()
        second_call(server, tmp_path / "whole", "whole", Effects())
        second_call(server, tmp_path / "whole", "whole", effects)
        count = len(effects.trace)

        # Each fifth effect: with the crash tests of the first call every kind of effect is met.
        for at in range(2, count, 5):
            name = f"again{at}x"
            second_call(server, tmp_path / name, name, Effects())
            with pytest.raises(Crash):
                second_call(server, tmp_path / name, name, Effects(crash_before=at))
            out = second_call(server, tmp_path / name, name, Effects())

            mine = {key: n for key, n in tries.items() if key.startswith(f"{name}-row-")}
            assert statuses(out) == ["ok", "ok"], name
            assert sorted(mine.values()) == [1, 3], name
    assert count > 20
