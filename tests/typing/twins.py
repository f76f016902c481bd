"""What type checkers see of every public call; read by them, never run."""

from pathlib import Path
from typing import assert_type

import pandas as pd

import dwbatch
from dwbatch.accessor import Accessor


def twins(frame: pd.DataFrame, texts: "pd.Series[str]") -> None:
    assert_type(dwbatch.run(frame, "{text}", model="m"), pd.DataFrame)
    assert_type(dwbatch.run(texts, "{text}", model={"small": "a", "big": "b"}), pd.DataFrame)
    assert_type(dwbatch.embed(frame, "text", model="m", dimensions=256), pd.DataFrame)
    assert_type(dwbatch.preview(frame, "{text}", model="m", rows=1), pd.DataFrame)
    assert_type(dwbatch.plan(frame, "{text}", model="m"), dwbatch.Plan)
    assert_type(dwbatch.estimate(frame, "{text}", model="m"), dwbatch.Estimate)
    assert_type(dwbatch.to_jsonl(frame, "requests.jsonl", "{text}", model="m"), list[Path])
    assert_type(dwbatch.submit(frame, "{text}", model="m"), dwbatch.Job)
    assert_type(dwbatch.run_parquet("in", "out", "{text}", model="m"), dwbatch.ParquetReport)
    assert_type(dwbatch.submit_jsonl("requests.jsonl"), dwbatch.Job)
    assert_type(dwbatch.read_results("output.jsonl"), pd.DataFrame)
    assert_type(dwbatch.jobs(limit=3), pd.DataFrame)


def accessors(frame: pd.DataFrame) -> None:
    # A checker sees `frame.doubleword` as Any, since pandas adds accessors while it runs; the class is typed.
    accessor = Accessor(frame)
    assert_type(accessor.run("{text}", model="m"), pd.DataFrame)
    assert_type(accessor.embed("text", model="m"), pd.DataFrame)
    assert_type(accessor.plan("{text}", model="m"), dwbatch.Plan)
    assert_type(accessor.submit("{text}", model="m"), dwbatch.Job)


def jobs(frame: pd.DataFrame) -> None:
    job = dwbatch.attach("checkpoint")
    assert_type(job, dwbatch.Job)
    assert_type(job.status(), dwbatch.JobStatus)
    assert_type(job.wait(timeout="8h"), dwbatch.JobStatus)
    assert_type(job.partial(), pd.DataFrame)
    assert_type(job.result(frame), pd.DataFrame)
    assert_type(job.errors(), pd.DataFrame)
    assert_type(job.retry("truncated", max_tokens=500), dwbatch.Job)
    assert_type(job.cancel(), pd.DataFrame)
