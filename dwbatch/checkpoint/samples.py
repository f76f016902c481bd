"""How far a job was at a few moments: one small file, for whoever plots it later."""

import datetime as dt
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Self

from dwbatch.checkpoint.folder import Checkpoint


@dataclass(frozen=True, slots=True)
class Sample:
    """How far a job was at one moment.

    Parameters
    ----------
    at : datetime
        UTC.
    requests : int
        Of all its shards.
    completed, failed : int
        As the server counted them.
    """

    at: dt.datetime
    requests: int
    completed: int
    failed: int

    @classmethod
    def read(cls, line: str) -> Self:
        """The sample of one line.

        Raises
        ------
        ValueError
            If it is the heading, or half a line of a process that died.
        """
        at, *counts = line.split(",")
        requests, completed, failed = map(int, counts)
        return cls(dt.datetime.fromisoformat(at), requests, completed, failed)


HEADING = ",".join(field.name for field in fields(Sample))


def read_samples(checkpoint: Checkpoint) -> list[Sample]:
    """The samples of a checkpoint, as they were taken; none where nobody has taken any, or they cannot be read."""
    samples: list[Sample] = []
    with suppress(OSError):
        for line in _path(checkpoint).read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError):
                samples.append(Sample.read(line))
    return samples


def add_sample(checkpoint: Checkpoint, sample: Sample) -> None:
    """Write down how far the job is, if the disk lets us. Only for the holder of the lock.

    Lines at the end of a text, and neither synced nor renamed: nothing but a picture depends on them,
    so they must neither cost a run time nor stop it.
    """
    path = _path(checkpoint)
    at, *counts = astuple(sample)
    line = ",".join([at.isoformat(timespec="milliseconds"), *map(str, counts)])
    with suppress(OSError):
        heading = "" if path.exists() else f"{HEADING}\n"
        checkpoint.disk.append(path, f"{heading}{line}\n".encode())


def _path(checkpoint: Checkpoint) -> Path:
    return checkpoint.path / "samples.csv"
