"""What goes wrong in a cluster: workers that die where they stand, and a client that does."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import distributed
import pandas as pd
from distributed import Client

from dwbatch.local import Server
from tests.kills.faulty import KILL

ROOT = Path(__file__).parents[2]


def meanwhile(call: Callable[[], Any]) -> "Future[Any]":
    """Make a call in a thread of its own."""
    future: Future[Any] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def kill_worker_of(client: Client, errand: str) -> None:
    """Kill the process of the worker that is on an errand, as the kernel would."""
    pids = client.run(os.getpid)
    busy = [
        address for address, keys in client.processing().items() if any(errand in str(key) for key in keys)
    ]
    os.kill(pids[busy[0]], KILL)


def forget(client: Client, errand: str) -> None:
    """Have the scheduler drop some errands, as one that is restarted drops all."""
    client.cancel(
        [distributed.Future(key, client) for key in client.futures if errand in str(key)], force=True
    )


def start_client(
    scheduler: str, server: Server, folder: Path, rows: pd.DataFrame, checkpoint: str | None = None
) -> "subprocess.Popen[bytes]":
    """A process that makes the call of these tests, and waits for its end."""
    rows.to_parquet(folder / "rows.parquet")
    place = checkpoint or str(folder / "job")
    return subprocess.Popen(
        [sys.executable, "-m", "tests.dask.victim", scheduler, server.base_url, str(folder), place], cwd=ROOT
    )
