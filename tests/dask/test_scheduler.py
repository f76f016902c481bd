"""A scheduler that is killed in the middle of a call costs nothing, whether it comes back or not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client

from dwbatch.errors import JobStoppedError
from dwbatch.local import Server
from tests.api.calling import batches, files
from tests.dask.apart import THREADS, Apart
from tests.dask.calling import billed_once, frame, parted, run
from tests.dask.faults import meanwhile
from tests.waiting import until

# Half a dozen processes are started here; test_faults has the same blows on a cluster that runs already.
pytestmark = [pytest.mark.promise, pytest.mark.slow]

ROWS = frame(*"abcdef")
ANSWERS = [f"echo: say {text}" for text in "abcdef"]
SHARDS = 3


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    """A cluster of processes that do not know each other's parents."""
    with Apart(tmp_path) as running:
        yield running


def test_a_scheduler_killed_and_started_anew_costs_nothing(server: Server, apart: Apart) -> None:
    server.faults.hang("POST", "/files", when="after", times=THREADS)
    with Client(apart.address) as client:
        client.wait_for_workers(1, timeout=60)
        job = meanwhile(lambda: run(server, parted(ROWS), max_requests_per_batch=2))
        until(lambda: len(server.faults.fired) == THREADS)

        apart.kill_scheduler()
        server.faults.clear()
        apart.start()

        assert job.result(180).compute()["response"].tolist() == ANSWERS
    assert billed_once(server, len(ROWS))
    assert len(batches(server)) == len(files(server)) == SHARDS


def test_a_scheduler_that_stays_away_stops_the_call_which_goes_on_elsewhere(
    server: Server, apart: Apart
) -> None:
    server.faults.hang("GET", "/files/*/content", times=THREADS)
    with Client(apart.address, timeout=10) as client:
        client.wait_for_workers(1, timeout=60)
        job = meanwhile(lambda: run(server, parted(ROWS), max_requests_per_batch=2))
        until(lambda: len(server.faults.fired) == THREADS)

        apart.kill_scheduler()

        with pytest.raises(JobStoppedError, match="start the cluster again and make the same call"):
            job.result(180)
    server.faults.clear()
    out = run(server, parted(ROWS), max_requests_per_batch=2)

    assert out.compute()["response"].tolist() == ANSWERS
    assert billed_once(server, len(ROWS))
