"""Machines that share no folder share a store: workers write tables there, and whatever dies, each is bought once."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import cloudpickle
import pandas as pd
import pyarrow.fs as pafs
import pytest
from distributed import Client, LocalCluster

import dwbatch
from dwbatch.dask.calling import prepare
from dwbatch.dask.carrying import carry_out
from dwbatch.given import read_options
from dwbatch.local import Server
from dwbatch.opening import Means
from tests.api.calling import batches, posts, usual
from tests.dask.calling import SAY, Watched, billed_once, frame, parted, run
from tests.dask.faults import kill_worker_of, meanwhile, start_client
from tests.kills.faulty import KILL
from tests.stores import KEYS, objects, uri_of
from tests.waiting import until

ROWS = frame(*"abcdef")
ANSWERS = [f"echo: say {text}" for text in "abcdef"]
SHARDS = 3
WORKERS = 2
TABLES = [
    "client.json",
    *(f"{kind}/0000{number}.parquet" for kind in ("requests", "results") for number in range(1, SHARDS + 1)),
]


@pytest.fixture
def place(store: pafs.S3FileSystem, bucket: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of the store, by its URI, and its key where this process finds it."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    return uri_of(store, f"{bucket}/job")


@pytest.mark.promise
def test_workers_keep_the_tables_on_the_store_and_each_request_is_billed_once(
    server: Server, client: Client, store: pafs.S3FileSystem, bucket: str, place: str
) -> None:
    porter = Watched(client)
    asked = {**usual(server), "max_requests_per_batch": 2, "checkpoint": place}

    out = carry_out(
        prepare(parted(ROWS), SAY, read_options(asked, call="run")), Means(workers=4, porter=porter)
    )

    graphs = [*porter.graphs, cloudpickle.dumps(out)]
    expected = dwbatch.run(ROWS, SAY, **usual(server) | {"checkpoint": "other"})
    pd.testing.assert_frame_equal(out.compute(), expected)
    assert objects(store, f"{bucket}/job") == TABLES
    assert not any(KEYS["AWS_SECRET_ACCESS_KEY"].encode() in graph for graph in graphs)


@pytest.fixture
def astray(client: Client, server: Server, place: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same place by a URI that leaves the machine's own settings to say where the store is: workers go wrong."""
    uri, _, query = place.partition("?")
    endpoint = parse_qs(query)["endpoint_override"][0]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{endpoint}")
    client.run(os.environ.update, {"AWS_ENDPOINT_URL": server.base_url.removesuffix("/v1")})
    yield f"{uri}?scheme=http&region=us-east-1"
    client.run(os.environ.pop, "AWS_ENDPOINT_URL")


def test_workers_that_do_not_see_the_store_are_named_before_anything_is_sent(
    server: Server, astray: str
) -> None:
    with pytest.raises(dwbatch.CheckpointError, match=r"the worker tcp://.* does not see the store"):
        run(server, parted(ROWS), checkpoint=astray)

    assert posts(server) == []


def test_a_frame_is_read_wherever_the_store_is_seen_and_needs_no_folder(
    server: Server, cluster: LocalCluster, place: str, tmp_path: Path
) -> None:
    with Client(cluster):
        out = run(server, parted(ROWS), checkpoint=place)

    shutil.rmtree(tmp_path / ".dwbatch")

    assert out.compute()["response"].tolist() == ANSWERS


@pytest.mark.promise
def test_a_worker_killed_while_it_fetches_to_the_store_costs_nothing(
    server: Server, client: Client, place: str
) -> None:
    server.faults.hang("GET", "/files/*/content", when="before", times=WORKERS)
    job = meanwhile(lambda: run(server, parted(ROWS), max_requests_per_batch=2, checkpoint=place))
    until(lambda: len(server.faults.fired) == WORKERS)

    kill_worker_of(client, "dwbatch-fetch")
    server.faults.clear()

    assert job.result(120).compute()["response"].tolist() == ANSWERS
    assert billed_once(server, len(ROWS))


# Its twin on a folder is in test_faults, and runs always.
@pytest.mark.slow
@pytest.mark.promise
def test_a_client_killed_at_a_purchase_goes_on_from_store_and_folder(
    server: Server, cluster: LocalCluster, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DWBATCH_HOME", str(tmp_path / "ids"))
    server.faults.hang("POST", "/batches", when="after", times=SHARDS)
    victim = start_client(cluster.scheduler_address, server, tmp_path, ROWS, place)
    until(lambda: len(server.faults.fired) == SHARDS)
    victim.send_signal(KILL)
    victim.wait(60)
    server.faults.clear()

    with Client(cluster):
        answers = run(server, parted(ROWS, 2), max_requests_per_batch=2, checkpoint=place).compute()

    assert answers["response"].tolist() == ANSWERS
    assert billed_once(server, len(ROWS))
    assert len(batches(server)) == SHARDS
