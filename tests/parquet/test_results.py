"""Results found a few rows at a time are those that a frame would get."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import RESULTS
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.gather import gather
from dwbatch.engine.lookup import KeyIndex
from dwbatch.parquet import results as room
from dwbatch.parquet.results import Results
from dwbatch.prompts.identity import KEY

COLUMNS = ("status", "content", "prompt_tokens", "completion_tokens")
WANTED = [bytes([number]) * 16 for number in range(6)]
STATUSES = ("ok", "truncated", "failed", "cancelled", "missing")

# Of each shard: whether it is this server's, and (request, answers, status) of each result.
RESULT = st.tuples(st.integers(0, 7), st.integers(0, 7), st.sampled_from(STATUSES))
SHARDS = st.lists(st.tuples(st.booleans(), st.lists(RESULT, max_size=6)), max_size=6)


def shard_of(number: int, server: str) -> Shard:
    return Shard(
        number=number, token="", job="j", recipe="r", server=server, state=State.FETCHED, requests=1, bytes=1,
        endpoint="/v1/chat/completions", completion_window="24h", batch_id=f"batch-{number}",
    )  # fmt: skip


def written(folder: Checkpoint, shards: list[tuple[bool, list[tuple[int, int, str]]]]) -> list[Shard]:
    folder.open()
    made = []
    for number, (is_here, found) in enumerate(shards, start=1):
        rows = [
            {
                "custom_id": f"{number}-{place}",
                "request_key": bytes([asked]) * 16,
                "answers_key": bytes([answered]) * 16,
                "status": status,
                "content": f"{number}.{place}",
                "prompt_tokens": 1,
                "completion_tokens": 10,
            }
            for place, (asked, answered, status) in enumerate(found)
        ]
        folder.write_results(number, pa.Table.from_pylist(rows, schema=RESULTS))
        made.append(shard_of(number, "here" if is_here else "elsewhere"))
    return made


@settings(max_examples=60)
@example(shards=[(True, [(0, 1, "ok"), (0, 0, "ok")])], asked=[0])
@given(shards=SHARDS, asked=st.lists(st.integers(-1, 5), max_size=12))
def test_each_row_finds_the_result_that_a_frame_would_find(
    tmp_path_factory: pytest.TempPathFactory,
    shards: list[tuple[bool, list[tuple[int, int, str]]]],
    asked: list[int],
) -> None:
    folder = Checkpoint(tmp_path_factory.mktemp("job") / "checkpoint")
    made = written(folder, shards)
    keys = pa.array([None if place < 0 else WANTED[place] for place in asked], KEY)
    index = KeyIndex.of(pa.array(WANTED, KEY))

    found = Results(folder, made, index, server="here", columns=COLUMNS).of(np.array(asked, dtype=np.int64))

    expected = gather(folder, made, keys, server="here", columns=COLUMNS)
    for name in (*COLUMNS, "batch_id"):
        assert found.column(name).to_pylist() == expected.column(name).to_pylist()


def test_few_results_files_are_held_whatever_the_number_of_shards(tmp_path: Path) -> None:
    folder = Checkpoint(tmp_path / "job")
    made = written(folder, [(True, [(number, number, "ok")]) for number in range(6)])
    results = Results(folder, made, KeyIndex.of(pa.array(WANTED, KEY)), server="here", columns=COLUMNS)

    for place in range(6):
        results.of(np.array([place]))

    assert len(results._held) == room.HELD  # what is asserted is the bound itself


@pytest.mark.parametrize("at_once", [1, 2, 1_000_000])
def test_tokens_are_those_of_the_best_results_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(room, "COUNTED_AT_ONCE", at_once)
    folder = Checkpoint(tmp_path / "job")
    made = written(folder, [(True, [(0, 0, "failed"), (1, 1, "ok")]), (True, [(0, 0, "ok"), (7, 7, "ok")])])

    results = Results(folder, made, KeyIndex.of(pa.array(WANTED, KEY)), server="here", columns=COLUMNS)

    assert results.tokens() == (2, 20)
