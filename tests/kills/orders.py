"""What a victim is told to do, on its command line."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import pandas as pd

PROMPT = "Say {text}"
REQUESTS = 4
SHARDS = 2

# A row that makes no request, and an index that names nothing: the frame must come back with both.
FRAME = pd.DataFrame(
    {"text": pd.array(["first " * 500, "second " * 500, None, "third", "fourth"], dtype="string")},
    index=[7, 7, 3, 7, 0],
)


class Then(StrEnum):
    """What a process does in the middle of an event."""

    DIE = "end as the kernel ends a process"
    SAY = "say so"
    PAUSE = "say so, and wait for the end of stdin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """One call in a process of its own.

    Parameters
    ----------
    base_url, checkpoint, out : str
        Server, folder of the checkpoint, and the parquet file for the frame.
    fuse : sequence of str
        Events, see `tests.kills.faulty`.
    then : Then
        What happens at the last of them.
    workers : int
        One, so that shards go one after the other, unless it should be as in life.
    options : mapping
        Further options of the call.
    """

    base_url: str
    checkpoint: str
    out: str
    fuse: Sequence[str] = ()
    then: Then = Then.DIE
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
