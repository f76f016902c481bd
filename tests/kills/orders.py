"""What a victim is told to do, on its command line."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd

from tests.kills.faulty import Fault

PROMPT = "Say {text}"
REQUESTS = 4
SHARDS = 2

# A row that makes no request, and an index that names nothing: the frame must come back with both.
FRAME = pd.DataFrame(
    {"text": pd.array(["first " * 500, "second " * 500, None, "third", "fourth"], dtype="string")},
    index=[7, 7, 3, 7, 0],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """One call in a process of its own.

    Parameters
    ----------
    base_url, checkpoint, out : str
        Server, folder of the checkpoint, and the parquet file for the frame.
    fuse : sequence of str
        Events, the last of which is `deadly` or only announced, as ``now`` on stdout.
    script : mapping of str to sequence of Fault
        What happens to its calls on their way.
    workers : int
        One, so that shards go one after the other, unless it should be as in life.
    options : mapping
        Further options of the call.
    """

    base_url: str
    checkpoint: str
    out: str
    fuse: Sequence[str] = ()
    is_deadly: bool = True
    script: Mapping[str, Sequence[Fault]] = field(default_factory=dict)
    workers: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return Path(self.checkpoint)

    def written(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, written: str) -> Self:
        return cls(**json.loads(written))

    def all_options(self) -> dict[str, Any]:
        """Options of the call."""
        return {
            "model": "m",
            "base_url": self.base_url,
            "checkpoint": self.checkpoint,
            "max_requests_per_batch": REQUESTS // SHARDS,
            "poll_interval": 0.02,
            "progress": False,
            **self.options,
        }
