"""Folders beside one another, and which of them knows a batch or a job by its id."""

from collections.abc import Iterator
from pathlib import Path

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.errors import CheckpointError


def knowing(parent: Path, name: str) -> Iterator[tuple[Checkpoint, frozenset[int]]]:
    """Checkpoints under a folder that know an id, and the numbers of its shards.

    Parameters
    ----------
    parent : Path
        Where default checkpoints stand.
    name : str
        Id of a batch, or of the call that bought it.
    """
    for file in sorted(parent.glob("*/batches.parquet")):
        checkpoint = Checkpoint(file.parent)
        try:
            shards = checkpoint.shards()
        except CheckpointError:
            # A torn folder is told to whoever uses it, not to whoever only looks for another.
            continue
        numbers = frozenset(shard.number for shard in shards if name in {shard.batch_id, shard.job})
        if numbers:
            yield checkpoint, numbers
