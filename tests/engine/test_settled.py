"""What a checkpoint has settled, shard by shard, is what the best of all its results say."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dwbatch.answers.pick import best
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import RESULTS
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.again import is_owed
from dwbatch.engine.desk import Order
from dwbatch.engine.lookup import KeyIndex
from dwbatch.engine.settled import settled
from dwbatch.engine.stock import Held, take_stock
from dwbatch.engine.wanted import Wanted, keyed
from dwbatch.prompts.identity import KEY

ORDER = Order(
    job="j", name="n", server="here", recipe="r", endpoint="/v1/chat/completions", completion_window="24h"
)
WANTED = [bytes([number]) * 16 for number in range(5)]
VERDICTS = [
    ("ok", None),
    ("truncated", None),
    ("failed", "http_503"),
    ("failed", "http_400"),
    ("failed", "insufficient_credits"),
    ("missing", "no_result_line"),
]
# Of each shard: which request each result is of, which it answers, and what became of it.
RESULT = st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from(VERDICTS))
SHARDS = st.lists(st.lists(RESULT, max_size=6), max_size=5)
Results = list[tuple[int, int, tuple[str, str | None]]]


def key(number: int) -> bytes:
    return bytes([number]) * 16


def shard(number: int, state: State = State.FETCHED) -> Shard:
    return Shard(
        number=number, token="", job="j", recipe="r", server="here", state=state, requests=1, bytes=1,
        endpoint=ORDER.endpoint, completion_window="24h",
    )  # fmt: skip


def table(results: Results) -> pa.Table:
    rows = [
        {
            "custom_id": str(place),
            "request_key": key(asked),
            "answers_key": key(answered),
            "status": status,
            "error_code": code,
        }
        for place, (asked, answered, (status, code)) in enumerate(results)
    ]
    return pa.Table.from_pylist(rows, schema=RESULTS)


def requests(*keys: bytes) -> pa.Table:
    held = pa.array(keys, KEY)
    names = pa.array([held.hex() for held in keys])
    return pa.table(
        {"custom_id": names, "request_key": held, "answers_key": held, "position": range(len(keys))}
    )


def by_all_at_once(shards: list[Results], ended: set[int]) -> tuple[list[bool], list[bool]]:
    """The same, the results of every shard laid side by side."""
    pieces = [
        keyed(
            table(results).append_column("is_fresh", pa.array([number in ended] * len(results), pa.bool_()))
        )
        for number, results in enumerate(shards, start=1)
    ]
    chosen = best(pa.concat_tables(pieces), "key")
    owed = is_owed(chosen, ORDER.kinds, is_fresh=np.asarray(chosen["is_fresh"], dtype=bool))
    found = dict(zip(chosen["key"].to_pylist(), owed.tolist(), strict=True))
    return [found.get(each) is False for each in WANTED], [found.get(each) is True for each in WANTED]


@settings(max_examples=60)
@example(shards=[[(0, 0, ("ok", None)), (0, 0, ("failed", "http_503"))]], ended=set())
@example(shards=[[(0, 0, ("failed", "http_503")), (0, 0, ("failed", "http_400"))]], ended=set())
@example(shards=[[(5, 0, ("ok", None))], [(0, 0, ("failed", "http_503"))]], ended={1})
@given(shards=SHARDS.filter(bool), ended=st.sets(st.integers(1, 5)))
def test_what_is_settled_is_what_the_best_of_all_results_say(
    tmp_path_factory: pytest.TempPathFactory, shards: list[Results], ended: set[int]
) -> None:
    folder = Checkpoint(tmp_path_factory.mktemp("job") / "checkpoint")
    folder.open()
    for number, results in enumerate(shards, start=1):
        folder.write_results(number, table(results))
    made = [shard(number) for number in range(1, len(shards) + 1)]

    final, owed = settled(KeyIndex.of(pa.array(WANTED, KEY)), made, folder, ORDER, ended=ended)

    assert (final.tolist(), owed.tolist()) == by_all_at_once(shards, ended)


def test_a_shard_that_is_not_over_settles_nothing(tmp_path: Path) -> None:
    folder = Checkpoint(tmp_path)
    folder.open()
    folder.write_results(1, table([(0, 0, ("ok", None))]))

    final, owed = settled(
        KeyIndex.of(pa.array(WANTED, KEY)), [shard(1, State.ENDED)], folder, ORDER, ended=set()
    )

    assert not (final | owed).any()


def test_of_two_shards_that_hold_the_same_requests_unbought_one_is_kept(tmp_path: Path) -> None:
    folder = Checkpoint(tmp_path)
    folder.open()
    for number, keys in enumerate([WANTED[:2], WANTED[1:3], WANTED[3:], [key(9)]], start=1):
        folder.write_requests(number, requests(*keys))
    made = [shard(number, State.UPLOADED) for number in range(1, 5)]
    stock = take_stock(Wanted(pa.array(WANTED, KEY), np.arange(5)), made, folder, ORDER)

    kept, stale = stock.unpaid(folder, "r")

    assert [held.shard.number for held in kept] == [1, 3]
    assert [held.shard.number for held in stale] == [2, 4]
    assert stock.carrying(kept).missing.tolist() == [False, False, True, False, False]


def test_what_is_owed_is_named_among_other_keys(tmp_path: Path) -> None:
    folder = Checkpoint(tmp_path)
    folder.open()
    folder.write_results(1, table([(0, 0, ("failed", "http_503")), (1, 1, ("ok", None))]))
    stock = take_stock(Wanted(pa.array(WANTED, KEY), np.arange(5)), [shard(1)], folder, ORDER)

    assert stock.owed_among(pa.array([key(9), key(1), key(0)], KEY)) == {key(0)}
    assert stock.lacks([key(0).hex()[:16]])
    assert not stock.lacks([key(1).hex()[:16], key(9).hex()[:16]])
    assert not stock.carrying([Held(shard(2), pa.array([key(0)], KEY))]).lacks([key(0).hex()[:16]])
