"""How far the Dask door goes: `python -m tests.benchmarks.dask_scale` measures a little and reckons the rest.

The server runs on the same cores as the workers, so what is measured is a lower bound; the reckoning needs no
machine: it follows from the limits of the server and from what a row weighs.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import pandas as pd
from distributed import Client, LocalCluster

import dwbatch.dask  # noqa: F401 - gives Dask frames the accessor
from dwbatch.local import Server

PARTITIONS = 8
# The published limit of a batch, and what a row weighs in `tests.benchmarks`: a short prompt, and its result line.
REQUESTS_A_BATCH = 50_000
LINE_BYTES, RESULT_BYTES, CLIENT_BYTES = 300, 600, 60
# Our own pace at its slowest, and what a list call shows at most.
LOOK_S, BATCHES_A_PAGE = 45, 100
GIGABIT_BYTES_S = 125e6


@contextmanager
def timed(what: str, times: dict[str, float]) -> Iterator[None]:
    """Note how long something took, in seconds."""
    started = time.perf_counter()
    yield
    times[what] = time.perf_counter() - started


def measured(rows: int, workers: int, folder: Path) -> dict[str, float]:
    """Seconds of each part of one job."""
    frame = pd.DataFrame({"text": [f"Is number {number} a good one?" for number in range(rows)]})
    times: dict[str, float] = {}
    asked: dict[str, Any] = {"model": "m", "progress": False, "poll_interval": 0.2}
    with (
        Server() as server,
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, local_directory=str(folder)
        ) as cluster,
        Client(cluster),
    ):
        parts = dd.from_pandas(frame, npartitions=PARTITIONS)
        asked |= {
            "base_url": server.base_url,
            "checkpoint": str(folder / f"job{workers}"),
            "max_requests_per_batch": rows // PARTITIONS,
        }
        with timed("keys", times):
            parts.doubleword.plan("{text}", **asked)
        with timed("built and uploaded", times):
            job = parts.doubleword.submit("{text}", **asked)
        with timed("fetched and decoded", times):
            out = job.result(progress=False)
        with timed("read", times):
            out["response_status"].value_counts().compute()
    # A submit renders every row for its key as well.
    times["built and uploaded"] -= times["keys"]
    return times


def reckoned(rows: int) -> list[str]:
    """What so many rows need, whatever the cluster."""
    batches = -(-rows // REQUESTS_A_BATCH)
    up, down = rows * LINE_BYTES, rows * RESULT_BYTES
    hours = (up + down) / GIGABIT_BYTES_S / 3600
    pages = -(-batches // BATCHES_A_PAGE)
    return [
        f"{rows:,} rows, on paper:",
        f"  {batches:,} shards and batches of {REQUESTS_A_BATCH:,}",
        f"  {up / 1e9:,.0f} GB up and {down / 1e9:,.0f} GB down: {hours:.1f} h at 1 Gbit/s, {hours / 10:.1f} h at 10",
        f"  {pages * 60 / LOOK_S:,.0f} list calls a minute with all in flight, 1.3 with max_active_batches=100",
        f"  {rows * CLIENT_BYTES / 1e9:,.0f} GB of keys and sizes at the client: the first wall",
        f"  batches.parquet, {batches * 300 / 1e6:,.0f} MB, written anew at every change of a batch: the second",
    ]


def main() -> None:
    """Print what was measured, then what was reckoned."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    print(f"{given.rows:,} rows, {os.cpu_count()} cores, server on the same machine; rows a second")  # noqa: T201
    for workers in given.workers:
        with tempfile.TemporaryDirectory() as folder:
            times = measured(given.rows, workers, Path(folder))
        told = ", ".join(f"{what} {given.rows / max(seconds, 1e-3):,.0f}" for what, seconds in times.items())
        print(f"  {workers} worker{'s' if workers > 1 else ''}: {told}")  # noqa: T201
    print("\n".join(reckoned(1_000_000_000)))  # noqa: T201


if __name__ == "__main__":
    main()
