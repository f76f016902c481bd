"""Schemas of the checkpoint's parquet files, and the version that they carry."""

import pyarrow as pa

from dwbatch.answers.results import LINES
from dwbatch.checkpoint.shard import FIELD_NAMES, Shard, State

# Raised when a reader of the old version would misread the new one.
FORMAT = 1
FORMAT_FIELD = b"dwbatch.format"
METADATA = {FORMAT_FIELD: str(FORMAT).encode()}

KEY = pa.binary(16)
MOMENT = pa.timestamp("us", tz="UTC")

_INTEGERS = {"number", "requests", "bytes", "attempt", "completed", "failed"}


def _field(name: str) -> pa.Field:
    if name in _INTEGERS:
        return pa.field(name, pa.int64(), nullable=False)
    return pa.field(name, MOMENT if name.endswith("_at") else pa.string())


BATCHES = pa.schema([_field(name) for name in FIELD_NAMES], metadata=METADATA)

REQUESTS = pa.schema(
    [
        pa.field("custom_id", pa.string(), nullable=False),
        pa.field("request_key", KEY, nullable=False),
        pa.field("answers_key", KEY, nullable=False),
        pa.field("position", pa.int64(), nullable=False),
    ],
    metadata=METADATA,
)

# Folders written before there were embeddings lack it: all of its values are null there.
LATER = frozenset({"embedding"})

# The few texts that many rows share.
REPEATED = frozenset({"status", "error_code", "error", "finish_reason", "model"})

RESULTS = pa.schema(
    [
        pa.field("custom_id", pa.string(), nullable=False),
        pa.field("request_key", KEY, nullable=False),
        pa.field("answers_key", KEY, nullable=False),
        *[field for field in LINES if field.name != "custom_id"],
    ],
    metadata=METADATA,
)


def to_table(shards: list[Shard]) -> pa.Table:
    """Shards as rows of ``batches.parquet``."""
    # By column: a job of a billion rows has twenty thousand shards, and writes them anew with every change.
    columns = {name: [getattr(shard, name) for shard in shards] for name in FIELD_NAMES}
    return pa.Table.from_pydict(columns, schema=BATCHES)


def to_shards(table: pa.Table) -> list[Shard]:
    """Rows of ``batches.parquet`` as shards."""
    return [Shard(**{**row, "state": State(row["state"])}) for row in table.select(FIELD_NAMES).to_pylist()]
