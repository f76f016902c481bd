"""Whatever dies in a cluster, every request is billed once and every answer comes."""

from pathlib import Path
from typing import Literal

import pandas as pd
import pytest
from distributed import Client, LocalCluster

import dwbatch
from dwbatch.local import Server
from tests.api.calling import batches, usual
from tests.dask.calling import SAY, billed_once, frame, parted, run
from tests.dask.faults import kill_worker_of, meanwhile, start_client, until
from tests.kills.faulty import KILL

ROWS = frame(*"abcdef")
ANSWERS = [f"echo: say {text}" for text in "abcdef"]
SHARDS = 3
WORKERS = 2


@pytest.mark.promise
@pytest.mark.parametrize(
    ("errand", "method", "path", "when"),
    [
        ("upload", "POST", "/files", "before"),
        ("upload", "POST", "/files", "after"),
        ("fetch", "GET", "/files/*/content", "before"),
    ],
    ids=["while it uploads", "after its upload", "while it fetches"],
)
def test_a_killed_worker_costs_nothing(
    server: Server, client: Client, errand: str, method: str, path: str, when: Literal["before", "after"]
) -> None:
    server.faults.hang(method, path, when=when, times=WORKERS)
    job = meanwhile(lambda: run(server, parted(ROWS), max_requests_per_batch=2))
    until(lambda: len(server.faults.fired) == WORKERS)

    kill_worker_of(client, f"dwbatch-{errand}")
    server.faults.clear()

    assert job.result(120).compute()["response"].tolist() == ANSWERS
    assert billed_once(server, len(ROWS))
    assert len(batches(server)) == SHARDS


@pytest.mark.promise
def test_a_scheduler_that_forgets_everything_costs_nothing(server: Server, client: Client) -> None:
    server.faults.hang("POST", "/files", when="after")
    job = meanwhile(lambda: run(server, parted(ROWS), max_requests_per_batch=2))
    until(lambda: server.faults.fired)

    client.restart()
    server.faults.clear()

    assert job.result(120).compute()["response"].tolist() == ANSWERS
    assert billed_once(server, len(ROWS))
    assert len(batches(server)) == SHARDS


@pytest.mark.promise
@pytest.mark.parametrize(
    ("method", "path", "when"),
    [
        ("POST", "/files", "after"),
        ("POST", "/batches", "after"),
        ("GET", "/files/*/content", "before"),
    ],
    ids=["upload", "purchase", "fetch"],
)
def test_a_killed_client_goes_on_where_it_stopped(
    server: Server,
    cluster: LocalCluster,
    tmp_path: Path,
    method: str,
    path: str,
    when: Literal["before", "after"],
) -> None:
    server.faults.hang(method, path, when=when)
    victim = start_client(cluster.scheduler_address, server, tmp_path, ROWS)
    until(lambda: server.faults.fired)
    victim.send_signal(KILL)
    victim.wait(60)
    server.faults.clear()

    with Client(cluster):
        out = run(server, parted(ROWS, 2), max_requests_per_batch=2)
        answers = out.compute()

    assert answers["response"].tolist() == ANSWERS
    assert billed_once(server, len(ROWS))
    assert len(batches(server)) == SHARDS


def test_a_frame_is_read_by_workers_that_were_not_there_when_it_was_bought(
    server: Server, client: Client
) -> None:
    out = run(server, parted(ROWS))

    client.restart()

    expected = dwbatch.run(ROWS, SAY, **usual(server) | {"checkpoint": "other"})
    pd.testing.assert_frame_equal(out.compute(), expected)
