"""A job in the hand: what a checkpoint holds at the server, and how to stop it."""

import threading
from dataclasses import replace
from pathlib import Path

import pandas as pd
import requests

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import BATCHES, to_table
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.connect import Connection, find_server
from dwbatch.engine.clock import Clock
from dwbatch.engine.poll import TERMINAL
from dwbatch.errors import CheckpointError
from dwbatch.wire.address import LOCAL
from dwbatch.wire.client import Client
from dwbatch.wire.objects import Batch


class Job:
    """The batches of a checkpoint.

    It holds nothing but the folder's path and the way to the server: every call reads the disk
    again, and none keeps the lock. Made by `dwbatch.attach`.

    Parameters
    ----------
    checkpoint : Checkpoint
    connection : Connection
    """

    def __init__(self, checkpoint: Checkpoint, connection: Connection) -> None:
        self._checkpoint = checkpoint
        self._connection = connection

    def __repr__(self) -> str:
        return f"Job({str(self._checkpoint.path)!r})"

    def batches(self) -> pd.DataFrame:
        """The shards of the checkpoint and their batches, as last recorded.

        Returns
        -------
        DataFrame
            One row a shard, with the columns of ``batches.parquet``.
        """
        frame: pd.DataFrame = to_table(self._checkpoint.shards()).select(BATCHES.names).to_pandas()
        return frame

    def cancel(self) -> pd.DataFrame:
        """Stop the spending: cancel every batch of this checkpoint that still runs.

        Each batch is looked at first, because cancelling one that is over would relabel it. What
        was answered until then is billed and kept; the same call as before fetches it, and leaves
        the cancelled rows alone.

        Returns
        -------
        DataFrame
            One row a batch: ``batch_id``, ``status`` after the call, ``completed``, ``failed``,
            ``total``, and whether it was ``cancelled`` by this call.

        Raises
        ------
        ApiError, TransportError
            If the server cannot be asked. Batches named before the failing one are cancelled.
        """
        stopping = threading.Event()
        clock = Clock()
        with self._connection.client(pause=lambda s: clock.pause(s, stopping), stopping=stopping) as client:
            looked = [_stop(shard, client) for shard in self._checkpoint.shards() if self._is_live(shard)]
        columns = ["batch_id", "status", "completed", "failed", "total", "cancelled"]
        return pd.DataFrame(looked, columns=columns)

    def _is_live(self, shard: Shard) -> bool:
        return shard.server == self._connection.server and shard.state is State.SUBMITTED


def _stop(shard: Shard, client: Client) -> tuple[str, str, int, int, int, bool]:
    batch = client.batch(shard.batch_id or "")
    is_running = batch.status not in TERMINAL | {"cancelling"}
    if is_running:
        batch = client.cancel(batch.id)
    completed, failed = _counts(batch)
    return batch.id, batch.status, completed, failed, shard.requests, is_running


def _counts(batch: Batch) -> tuple[int, int]:
    counts = batch.request_counts
    return (counts.completed or 0, counts.failed or 0) if counts else (0, 0)


def attach(
    checkpoint: str | Path,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    session: requests.Session | None = None,
) -> Job:
    """The job of a checkpoint, in any process.

    Parameters
    ----------
    checkpoint : path
        The folder that the call named in its last line.
    api_key, base_url, session
        As in `dwbatch.run`; the server is the one that the checkpoint names.

    Returns
    -------
    Job

    Raises
    ------
    CheckpointError
        If there is no checkpoint, or it names several servers and `base_url` does not say which.
    """
    folder = Checkpoint(Path(checkpoint).expanduser().absolute())
    if not (folder.path / "recipe.json").exists():
        raise CheckpointError(
            folder.path, "there is no checkpoint here. Give the folder that the call named."
        )
    servers = sorted({shard.server for shard in folder.shards()})
    if base_url is None and len(servers) > 1:
        raise CheckpointError(
            folder.path, f"it holds batches of {' and '.join(servers)}; say which with base_url=."
        )
    chosen = base_url or (servers[0] if servers else None)
    connection = find_server(chosen, api_key, session)
    return Job(folder, replace(connection, server=chosen if chosen == LOCAL else connection.server))
