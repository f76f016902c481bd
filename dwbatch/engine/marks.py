"""Our marks on what stands at the server: how a file or batch is recognised as ours."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.checkpoint.shard import Shard
from dwbatch.wire.objects import Batch

MARK = "dwbatch"
JOB = "dwbatch_job"
KEYS = "dwbatch_keys"
OURS = frozenset({MARK, JOB, KEYS})

# Enough keys that two frames which share a good part of their rows share one of them.
KEYS_SHOWN = 16
KEY_CHARACTERS = 16


def file_name(name: str, shard: Shard) -> str:
    """Name of a shard's upload. The server's search looks at names, so the token stands in it."""
    return f"{name}-{shard.mark}.jsonl"


def metadata(shard: Shard, *, job: str, keys: pa.ChunkedArray, given: Mapping[str, str]) -> dict[str, str]:
    """Metadata of a shard's batch.

    Parameters
    ----------
    shard : Shard
    job : str
        Id of the call that sends it.
    keys : pa.ChunkedArray of fixed-size binary
        The shard's answers_keys; the smallest ones are shown, as hexadecimal.
    given : mapping of str to str
        The user's own.

    Notes
    -----
    At most 512 characters a value, so that servers with OpenAI's limits take it too.
    """
    smallest = keys.take(pc.sort_indices(keys)[:KEYS_SHOWN]).to_pylist()
    shown = ",".join(key.hex()[:KEY_CHARACTERS] for key in smallest)
    return {**given, MARK: shard.mark, JOB: job, KEYS: shown}


def is_ours(shard: Shard, batch: Batch) -> bool:
    """Whether a batch is this shard's: by its mark, or by the file that only this shard uploaded."""
    by_mark = (batch.metadata or {}).get(MARK) == shard.mark
    return by_mark or (shard.input_file_id is not None and batch.input_file_id == shard.input_file_id)


def shown_keys(batch: Batch) -> list[str]:
    """Beginnings of the keys that a batch's metadata names; none if it is not ours."""
    return [start for start in str((batch.metadata or {}).get(KEYS) or "").split(",") if start]
