"""Whatever dies in a cluster, every request is billed once and every answer comes."""

from pathlib import Path
from typing import Any, Literal

import pytest
from distributed import Client, LocalCluster

from dwbatch.dask.cluster import ClusterPorter
from dwbatch.errors import JobStoppedError
from dwbatch.local import Server
from tests.api.calling import batches, files
from tests.dask.calling import billed_once, frame, parted, run
from tests.dask.faults import forget, kill_worker_of, meanwhile, start_client
from tests.kills.faulty import KILL
from tests.waiting import until

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
    assert len(batches(server)) == len(files(server)) == SHARDS


@pytest.mark.promise
def test_errands_that_the_cluster_forgets_cost_nothing(server: Server, client: Client) -> None:
    server.faults.hang("POST", "/files", when="after", times=WORKERS)
    job = meanwhile(lambda: run(server, parted(ROWS), max_requests_per_batch=2))
    until(lambda: len(server.faults.fired) == WORKERS)

    forget(client, "dwbatch-upload")
    server.faults.clear()

    assert job.result(120).compute()["response"].tolist() == ANSWERS
    assert billed_once(server, len(ROWS))
    assert len(batches(server)) == SHARDS


@pytest.mark.parametrize("name", ["run", "compute", "run_on_scheduler"])
def test_a_client_that_is_closed_under_a_call_stops_it_in_the_same_words(
    server: Server, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("dwbatch.dask.cluster.ASK_S", 0.0)
    server.faults.hang("GET", "/files/*/content", times=WORKERS)
    with Client(cluster) as client:
        make_call = getattr(client, name)

        def close_first(*args: Any, **options: Any) -> Any:
            client.close()
            return make_call(*args, **options)

        monkeypatch.setattr(client, name, close_first)
        with pytest.raises(JobStoppedError, match="start the cluster again and make the same call"):
            run(server, parted(ROWS), max_requests_per_batch=2)
    server.faults.clear()


@pytest.mark.promise
def test_a_call_whose_cluster_is_gone_for_good_stops_and_goes_on_elsewhere(
    server: Server, cluster: LocalCluster
) -> None:
    server.faults.hang("GET", "/files/*/content", times=WORKERS)
    with Client(cluster):
        job = meanwhile(lambda: run(server, parted(ROWS), max_requests_per_batch=2))
        until(lambda: len(server.faults.fired) == WORKERS)
    with pytest.raises(JobStoppedError, match="start the cluster again and make the same call"):
        job.result(120)
    server.faults.clear()

    out = run(server, parted(ROWS), max_requests_per_batch=2)

    assert out.compute()["response"].tolist() == ANSWERS
    assert billed_once(server, len(ROWS))
    assert len(batches(server)) == len(files(server)) == SHARDS


def test_an_errand_that_a_new_scheduler_never_heard_of_is_known_to_be_lost(client: Client) -> None:
    held = client.submit(pow, 2, 3, key="held")
    held.result()
    porter = ClusterPorter(client)

    assert [porter._is_known(key) for key in ("held", "never heard of")] == [True, False]


@pytest.mark.promise
@pytest.mark.parametrize(
    ("method", "path", "when", "times"),
    [
        pytest.param("POST", "/files", "after", 1, marks=pytest.mark.slow),
        # Those that are declared and not yet made are made only after a minute in which they might have shown up.
        pytest.param("POST", "/batches", "after", 1, marks=pytest.mark.slow),
        ("POST", "/batches", "after", SHARDS),
        pytest.param("GET", "/files/*/content", "before", 1, marks=pytest.mark.slow),
    ],
    ids=["upload", "first purchase", "purchases", "fetch"],
)
def test_a_killed_client_goes_on_where_it_stopped(
    server: Server,
    cluster: LocalCluster,
    tmp_path: Path,
    method: str,
    path: str,
    when: Literal["before", "after"],
    times: int,
) -> None:
    server.faults.hang(method, path, when=when, times=times)
    victim = start_client(cluster.scheduler_address, server, tmp_path, ROWS)
    until(lambda: len(server.faults.fired) == times)
    victim.send_signal(KILL)
    victim.wait(60)
    server.faults.clear()

    with Client(cluster):
        out = run(server, parted(ROWS, 2), max_requests_per_batch=2)
        answers = out.compute()

    assert answers["response"].tolist() == ANSWERS
    assert billed_once(server, len(ROWS))
    assert len(batches(server)) == SHARDS


def test_what_a_cluster_bought_is_read_without_it(server: Server, cluster: LocalCluster) -> None:
    with Client(cluster):
        out = run(server, parted(ROWS))

    computed = out.compute()

    assert computed["response"].tolist() == ANSWERS
