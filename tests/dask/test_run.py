"""A Dask frame gets the answers of pandas, and pays for each once."""

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

import dwbatch
from dwbatch.dask.jobs import PartitionsJob
from dwbatch.errors import CheckpointError, CostLimitError, InputError
from dwbatch.local import Server
from tests.api.calling import Gate, posts, usual
from tests.dask.calling import SAY, billed_once, frame, parted, run
from tests.waiting import timed_out


class Review(BaseModel):
    """An answer of several fields."""

    tone: Literal["good", "bad"]
    words: list[str]


def whispered(row: dict[str, Any]) -> str:
    return f"whisper {row['text']}"


OPTIONS: dict[str, dict[str, Any]] = {
    "text": {},
    "details": {"details": True},
    "label": {"response_format": Literal["good", "bad"]},
    "fields": {"response_format": Review},
    "samples": {"n": 2},
    "custom_ids": {"custom_id": "user-{number}"},
    "every row": {"dedupe": False},
    "callable": {"prompt": whispered},
    "model of the row": {"model": "{model}", "temperature": 0},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_the_frame_is_that_of_pandas(server: Server, options: dict[str, Any]) -> None:
    texts = ["a", "b", None, "a", "é", "", "b", "c"]
    rows = frame(*texts, number=range(8), model=[*"mmmm", *"nnnn"])
    asked = {"prompt": SAY, "max_requests_per_batch": 2, "dedupe": True, **options}

    out = run(server, parted(rows), **asked)

    expected = dwbatch.run(parted(rows).compute(), **usual(server) | asked | {"checkpoint": "other"})
    exact = [name for name in expected.columns if not name.endswith(("_id", "_body"))]
    pd.testing.assert_frame_equal(out.compute()[exact], expected[exact])
    assert out.columns.tolist() == expected.columns.tolist()
    assert out.divisions == parted(rows).divisions
    assert out.dtypes.to_dict() == expected.dtypes.to_dict()


@pytest.mark.only_doubleword("OpenAI estimates no cost, and without an estimate a limit stops all")
def test_a_limit_is_kept_shard_by_shard(server: Server) -> None:
    server.faults.reply(
        "GET", "/files/{id}/cost-estimate", status=200, body={"total_estimated_cost": "1.00"}, times=None
    )

    with pytest.raises(CostLimitError) as caught:
        run(server, parted(frame(*"abcde")), max_requests_per_batch=1, max_cost="2.50")

    assert caught.value.spent == Decimal(2)
    assert posts(server).count("/batches") == 2
    assert len(run(server, parted(frame(*"abcde")), max_cost=3).compute()) == 5
    assert billed_once(server, 5)


def test_vectors_are_arrays_in_dask_too(server: Server) -> None:
    parts = parted(frame("a", None, "b"))

    out = parts.doubleword.embed("text", dimensions=4, **usual(server))

    assert out.dtypes["embedding"] == np.dtype(object)
    assert [getattr(vector, "shape", None) for vector in out.compute()["embedding"]] == [(4,), None, (4,)]


def test_computing_and_persisting_send_nothing(server: Server) -> None:
    out = run(server, parted(frame(*"abcd")))
    sent = server.exchanges()

    computed = [out.compute(), out.persist().compute(), out["response"].partitions[1].compute()]

    assert [len(each) for each in computed] == [4, 4, 1]
    assert server.exchanges() == sent


def test_a_source_cut_otherwise_and_grown_sends_only_what_is_new(server: Server) -> None:
    run(server, parted(frame(*"abcd"), 4))
    before = len(server.ledger())

    out = run(server, parted(frame(*"xdcba"), 2))

    assert len(server.ledger()) - before == 1
    assert out.compute()["response"].tolist() == [f"echo: say {text}" for text in "xdcba"]


def test_a_row_that_changes_after_the_call_is_pending_and_has_no_answer_of_another(
    server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "rows.parquet"
    frame("a", "b").to_parquet(path)
    out = run(server, dd.from_map(pd.read_parquet, [path]))

    frame("b", "new", "a").to_parquet(path)

    computed = out.compute()
    assert computed["response_status"].tolist() == ["ok", "pending", "ok"]
    assert computed["response"].tolist() == ["echo: say b", pd.NA, "echo: say a"]


def test_a_partition_that_shrinks_between_plan_and_upload_is_not_sent(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    frame("a", "b", "c").to_parquet(path)
    reads = iter([None, frame("a")])

    def read(_: int) -> pd.DataFrame:
        shrunk = next(reads, None)
        return pd.read_parquet(path) if shrunk is None else shrunk

    parts = dd.from_map(read, [0], meta=frame())

    with pytest.raises(dwbatch.DwbatchError, match="is not what it was when its request was planned"):
        run(server, parts)

    assert posts(server) == []


def test_an_index_level_stands_in_a_prompt_and_divisions_may_be_unknown(server: Server) -> None:
    parts = parted(frame(*"abc").set_index(pd.Index([7, 8, 9], name="sku"))).clear_divisions()

    out = run(server, parts, "{sku}: {text}")

    assert out.known_divisions is False
    assert out.compute()["response"].tolist() == ["echo: 7: a", "echo: 8: b", "echo: 9: c"]


def test_a_job_hands_over_the_frame_once_it_is_answered() -> None:
    gate = Gate()
    with Server(answer=gate) as slow:
        job = parted(frame("a", None)).doubleword.submit(SAY, **usual(slow))
        early = job.partial().compute()
        gate.open()
        out = job.result(progress=False)

    assert early["response_status"].tolist() == ["pending", "skipped"]
    assert out.compute()["response_status"].tolist() == ["ok", "skipped"]
    assert out.npartitions == 2


def test_a_timeout_carries_the_job() -> None:
    gate = Gate()
    with Server(answer=gate) as slow:
        job, _ = timed_out(lambda timeout: run(slow, parted(frame("a")), timeout=timeout))
        assert isinstance(job, PartitionsJob)
        gate.open()
        out = job.result(progress=False)
        billed = len(slow.ledger())

    assert out.compute()["response"].tolist() == ["fine"]
    assert billed == 1


def test_plan_preview_and_estimate_buy_nothing(server: Server) -> None:
    door = parted(frame("a", "a", None, "b")).doubleword
    asked = {**usual(server), "dedupe": True}

    planned, shown = door.plan(SAY, **asked), door.preview(SAY, rows=2, **asked)
    estimate = door.estimate(SAY, **asked)

    assert (planned.rows, planned.new, planned.duplicates, planned.skipped) == (4, 2, 1, {"null_input": 1})
    assert shown["body"].str.contains("say a").tolist() == [True, True]
    assert estimate.plan.requests == 2
    assert server.ledger() == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"checkpoint": False}, "name a folder"),
        ({"errors": "raise"}, "column of statuses"),
        ({"model": {"small": "s", "big": "b"}}, "takes one model="),
        ({"prompt": "{txt}"}, "Did you mean 'text'"),
        ({"output": "text", "overwrite": False}, "already has the column 'text'"),
        ({"on_null": "raise"}, "null in 1 row, the first one in partition 1"),
        ({"custom_id": "same"}, "custom_id"),
    ],
)
def test_wrong_input_is_refused_before_anything_is_sent(
    server: Server, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        run(server, parted(frame("a", "b", None), 2), **{"prompt": SAY, **options})

    assert server.exchanges() == []


def test_a_machine_that_lacks_the_checkpoint_says_so_when_it_computes(server: Server, tmp_path: Path) -> None:
    out = run(server, parted(frame("a")))

    (tmp_path / "job").rename(tmp_path / "elsewhere")

    with pytest.raises(CheckpointError, match="does not see the folder"):
        out.compute()
