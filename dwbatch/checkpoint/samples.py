"""How far a job was at a few moments: one small file, for whoever plots it later."""

import datetime as dt
from pathlib import Path

import pyarrow as pa

from dwbatch.checkpoint import parquet
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import METADATA, MOMENT

SAMPLES = pa.schema(
    [
        pa.field("at", MOMENT, nullable=False),
        pa.field("requests", pa.int64(), nullable=False),
        pa.field("completed", pa.int64(), nullable=False),
        pa.field("failed", pa.int64(), nullable=False),
    ],
    metadata=METADATA,
)


def read_samples(checkpoint: Checkpoint) -> pa.Table:
    """The samples of a checkpoint, oldest first; none where nobody has taken any."""
    path = _path(checkpoint)
    return parquet.read(path, SAMPLES) if path.exists() else SAMPLES.empty_table()


def add_sample(
    checkpoint: Checkpoint, *, at: dt.datetime, requests: int, completed: int, failed: int
) -> None:
    """Write down how far the job is. Only for the holder of the lock."""
    row = {"at": at, "requests": requests, "completed": completed, "failed": failed}
    samples = pa.concat_tables([read_samples(checkpoint), pa.Table.from_pylist([row], schema=SAMPLES)])
    # Reading leaves the format version behind.
    parquet.write(checkpoint.disk, _path(checkpoint), samples.replace_schema_metadata(METADATA))


def _path(checkpoint: Checkpoint) -> Path:
    return checkpoint.path / "samples.parquet"
