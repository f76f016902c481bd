"""The job of a checkpoint, in any process."""

from pathlib import Path

import requests

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.connect import find_server
from dwbatch.errors import CheckpointError
from dwbatch.job.held import Held
from dwbatch.job.job import Job


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
    connection = find_server(base_url or (servers[0] if servers else None), api_key, session)
    return Job(Held(folder, connection))
