"""A job in the hand: what a checkpoint holds at the server, and how to stop it."""

import threading
from contextlib import suppress
from pathlib import Path

import pandas as pd
import requests

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.lock import locked
from dwbatch.checkpoint.schemas import BATCHES, to_table
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.connect import Connection, find_server
from dwbatch.engine.clock import Clock
from dwbatch.engine.halt import NOT_FOUND, cancel_running, obey
from dwbatch.errors import (
    ApiError,
    CheckpointError,
    CheckpointLockedError,
    DwbatchError,
    NotAnApiError,
    TransportError,
)
from dwbatch.wire.client import Client
from dwbatch.wire.objects import Batch, RequestCounts

COLUMNS = ("batch_id", "status", "completed", "failed", "total")


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
        """Stop the spending: cancel every batch that still runs, and send nothing more.

        It works while another process is busy with the same checkpoint: that one obeys before it
        buys anything more. Each batch is looked at first, because cancelling one that is over would
        relabel it; a batch adopted from the account may be somebody else's and runs on. What was
        answered until then is billed and kept; the same call as before fetches it, and leaves the
        cancelled rows alone unless ``retry="cancelled"`` is said.

        Returns
        -------
        DataFrame
            One row a batch that was running when last recorded: ``batch_id``, ``status`` now,
            ``completed``, ``failed`` and ``total`` requests. The status is ``gone`` where the server
            does not know the batch any more.

        Raises
        ------
        ApiError, TransportError
            If the server cannot be asked about a batch, or the key is another account's. Nothing more
            is bought all the same, and every other batch was cancelled.
        """
        self._checkpoint.ask_to_stop()
        stopping, clock = threading.Event(), Clock()
        with self._connection.client(pause=lambda s: clock.pause(s, stopping), stopping=stopping) as client:
            running = [shard for shard in self._checkpoint.shards() if self._is_running(shard)]
            looked, faults = [], list[DwbatchError]()
            for shard in running:
                try:
                    looked.append(self._cancel(shard, client))
                except (ApiError, TransportError, NotAnApiError) as error:
                    # The others are stopped first: each minute of theirs costs.
                    faults.append(error)
            # Whoever holds the lock obeys by itself; where nobody does, the
            # word is obeyed here, so that it does not wait for the next call.
            with suppress(CheckpointLockedError), locked(self._checkpoint.path, timeout_s=0):
                obey(self._checkpoint, client, clock, server=self._connection.server)
        if faults:
            raise faults[0]
        return pd.DataFrame(looked, columns=pd.Index(COLUMNS))

    def _cancel(self, shard: Shard, client: Client) -> tuple[str, str, int, int, int]:
        try:
            batch = cancel_running(shard, client)
        except ApiError as error:
            # To another account's key everything looks deleted, and runs on.
            if error.status != NOT_FOUND or shard.account != self._connection.account:
                raise
            return shard.batch_id or "", "gone", shard.completed, shard.failed, shard.requests
        return _counted(batch, shard)

    def _is_running(self, shard: Shard) -> bool:
        return shard.server == self._connection.server and shard.state is State.SUBMITTED


def _counted(batch: Batch, shard: Shard) -> tuple[str, str, int, int, int]:
    counts = batch.request_counts or RequestCounts()
    return batch.id, batch.status, counts.completed or 0, counts.failed or 0, shard.requests


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
    return Job(folder, find_server(base_url or (servers[0] if servers else None), api_key, session))
