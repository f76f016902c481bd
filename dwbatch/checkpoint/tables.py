"""Where the tables of a checkpoint stand: one of requests and one of results a shard, each written whole."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import pyarrow as pa

from dwbatch.checkpoint import parquet
from dwbatch.checkpoint.disk import PARTIAL, Disk
from dwbatch.checkpoint.schemas import REQUESTS, RESULTS

Kind = Literal["requests", "results"]
KINDS: tuple[Kind, Kind] = ("requests", "results")
SCHEMAS: dict[Kind, pa.Schema] = {"requests": REQUESTS, "results": RESULTS}


def file_name(number: int) -> str:
    """What the table of a shard is called."""
    return f"{number:05d}.parquet"


class Tables(Protocol):
    """A place for the tables of all shards."""

    def read(self, kind: Kind, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """One table, or some columns of it.

        Raises
        ------
        CheckpointError
            If it is missing, torn, not ours, or from a newer version. Nothing is deleted.
        """
        ...

    def write(self, kind: Kind, number: int, table: pa.Table) -> None:
        """Put one table there, so that a reader finds all of it or nothing.

        Raises
        ------
        CheckpointError
            If it cannot be written; what was there stands.
        """
        ...

    def has(self, kind: Kind, number: int) -> bool:
        """Whether a table is there."""
        ...

    def numbers(self, kind: Kind) -> list[int]:
        """Of which shards there are tables, in no order."""
        ...

    def sweep(self) -> None:
        """Remove what a crashed writer left behind. Only for the holder of the lock."""
        ...


class FolderTables:
    """Tables beside the rest of the checkpoint.

    Parameters
    ----------
    folder : Path
    disk : Disk
        What effects go through.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._disk = disk

    def read(self, kind: Kind, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """One table, or some columns of it."""
        return parquet.read(self._path(kind, number), SCHEMAS[kind], columns)

    def write(self, kind: Kind, number: int, table: pa.Table) -> None:
        """Put one table there, so that a reader finds all of it or nothing."""
        parquet.write(self._disk, self._path(kind, number), table)

    def has(self, kind: Kind, number: int) -> bool:
        """Whether a table is there."""
        return self._path(kind, number).exists()

    def numbers(self, kind: Kind) -> list[int]:
        """Of which shards there are tables, in no order."""
        return [int(path.stem) for path in (self._folder / kind).glob("*.parquet") if path.stem.isdecimal()]

    def sweep(self) -> None:
        """Remove what a crashed writer left behind. Only for the holder of the lock."""
        for kind in KINDS:
            for leftover in (self._folder / kind).glob(f"*{PARTIAL}"):
                self._disk.remove(leftover)

    def _path(self, kind: Kind, number: int) -> Path:
        return self._folder / kind / file_name(number)
