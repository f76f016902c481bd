"""How far the Dask door goes: `python -m tests.benchmarks.dask_scale` measures a little and reckons the rest.

The server runs on the same cores as the workers, so what is measured is a lower bound; the reckoning needs no
machine: it follows from the limits of the server and from what a row weighs.
"""

import argparse
import importlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
# What the server takes for one model, unless its owner says otherwise.
REQUESTS_A_SECOND, WINDOW_S = 100, 86_400
# Our own pace at its slowest, and what a list call shows at most.
LOOK_S, BATCHES_A_PAGE = 45, 100
GIGABIT_BYTES_S = 125e6
# A line of batches.parquet, measured with 20,000 of them, and how often a shard changes its state at the least.
SHARD_BYTES, SHARD_S, CHANGES = 110, 17e-6, 5
MOST_HANDS = 64


@dataclass(frozen=True, slots=True)
class Part:
    """How long a part of the job took, and what it cost its workers, in seconds."""

    took_s: float
    cpu_s: float


@contextmanager
def timed(what: str, parts: dict[str, Part], client: Client) -> Iterator[None]:
    """Note what a part takes."""
    started, before = time.perf_counter(), _cpu_s(client)
    yield
    parts[what] = Part(time.perf_counter() - started, _cpu_s(client) - before)


def _cpu_s(client: Client) -> float:
    spent: dict[str, float] = client.run(time.process_time)
    return sum(spent.values())


def measured(rows: int, workers: int, folder: Path) -> dict[str, Part]:
    """Each part of one job."""
    frame = pd.DataFrame({"text": [f"Is number {number} a good one?" for number in range(rows)]})
    parts: dict[str, Part] = {}
    with (
        Server() as server,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            local_directory=str(folder),
        ) as cluster,
        Client(cluster) as client,
    ):
        asked: dict[str, Any] = {
            "model": "m",
            "progress": False,
            "poll_interval": 0.2,
            "base_url": server.base_url,
            "checkpoint": str(folder / f"job{workers}"),
            "max_requests_per_batch": rows // PARTITIONS,
        }
        # What a worker imports once is no part of the work.
        client.run(importlib.import_module, "dwbatch.dask.errand")
        door = dd.from_pandas(frame, npartitions=PARTITIONS).doubleword
        with timed("keys", parts, client):
            door.plan("{text}", **asked)
        with timed("built and uploaded", parts, client):
            job = door.submit("{text}", **asked)
        with timed("fetched and decoded", parts, client):
            out = job.result(progress=False)
        with timed("read", parts, client):
            out["response_status"].value_counts().compute()
    # A submit renders every row for its key as well.
    both, keys = parts["built and uploaded"], parts["keys"]
    parts["built and uploaded"] = Part(both.took_s - keys.took_s, both.cpu_s - keys.cpu_s)
    return parts


def told(part: Part, rows: int, workers: int) -> str:
    """A part as it is printed."""
    speed = rows / max(part.took_s, 1e-3)
    return f"{speed:>11,.0f} {speed / workers:>11,.0f} {max(part.cpu_s, 0):>9.1f}"


def reckoned(rows: int) -> list[str]:
    """What so many rows need, whatever the cluster."""
    batches = -(-rows // REQUESTS_A_BATCH)
    up, down = rows * LINE_BYTES, rows * RESULT_BYTES
    hours = (up + down) / GIGABIT_BYTES_S / 3600
    pages = -(-batches // BATCHES_A_PAGE)
    windows = rows / (REQUESTS_A_SECOND * WINDOW_S)
    write_s = batches * SHARD_S
    writing_s = batches * CHANGES / MOST_HANDS * write_s
    return [
        f"{rows:,} rows, on paper:",
        f"  {batches:,} shards and batches of {REQUESTS_A_BATCH:,}",
        f"  {up / 1e9:,.0f} GB up and {down / 1e9:,.0f} GB down: {hours:.1f} h at 1 Gbit/s, {hours / 10:.1f} h at 10",
        f"  {windows:,.0f} windows of 24 h where the server takes {REQUESTS_A_SECOND} requests a second and model, its default: the first wall",
        f"  {rows * CLIENT_BYTES / 1e9:,.0f} GB of keys and sizes at the client: the second",
        f"  {pages * 60 / LOOK_S:,.0f} list calls a minute with all in flight, {60 / LOOK_S:.1f} with max_active_batches=100",
        f"  batches.parquet, {batches * SHARD_BYTES / 1e6:,.1f} MB, written anew in {write_s:.2f} s: {writing_s / 60:.0f} min in all",
    ]


def main() -> None:
    """Print what was measured, then what was reckoned."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    print(f"{given.rows:,} rows, {os.cpu_count()} cores, server on the same machine")  # noqa: T201
    print(f"{'':>9} {'':>20} {'rows/s':>11} {'a worker':>11} {'CPU s':>9}")  # noqa: T201
    for workers in given.workers:
        with tempfile.TemporaryDirectory() as folder:
            parts = measured(given.rows, workers, Path(folder))
        name = f"{workers} worker{'s' if workers > 1 else ''}"
        for what, part in parts.items():
            print(f"{name:>9} {what:>20} {told(part, given.rows, workers)}")  # noqa: T201
    print("\n".join(reckoned(1_000_000_000)))  # noqa: T201


if __name__ == "__main__":
    main()
