"""The checkpoint folder: which files it has and how they are read and written."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from dwbatch import __version__
from dwbatch.checkpoint import parquet
from dwbatch.checkpoint.disk import PARTIAL, Disk, write_atomically
from dwbatch.checkpoint.schemas import BATCHES, FORMAT, REQUESTS, RESULTS, to_shards, to_table
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.checkpoint.store import Store, StoreTables
from dwbatch.checkpoint.tables import FolderTables, Tables, file_name
from dwbatch.errors import CheckpointError

OURS = {
    "batches.parquet",
    "recipe.json",
    "requests",
    "results",
    "samples.csv",
    "store.json",
    "uploads",
    "lock",
    "lock.json",
    "stop",
}
STOP = "stop"


class Checkpoint:
    """A checkpoint folder.

    It keeps nothing in memory: each read is a read of the disk, so whoever holds the lock sees
    what the last holder left.

    Parameters
    ----------
    path : Path
    disk : Disk, optional
        What effects go through.
    store : Store, optional
        Where the tables are known to stand, for a machine that does not see the folder.
    """

    def __init__(self, path: Path, disk: Disk | None = None, store: Store | None = None) -> None:
        self.path = path
        self.disk = disk or Disk()
        self._store = store

    @property
    def store(self) -> Store | None:
        """Where the tables of requests and results stand, if not in this folder."""
        return self._store or Store.read(self.path / "store.json")

    @property
    def tables(self) -> Tables:
        """The tables of requests and results, wherever they stand."""
        store = self.store
        return FolderTables(self.path, self.disk) if store is None else StoreTables(store)

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.path)!r})"

    def open(self) -> None:
        """Make the folder where there is none, and refuse one that belongs to somebody else.

        Raises
        ------
        CheckpointError
            If the path is a file, holds other files, or cannot be written.
        """
        try:
            for folder in (self.path, self.path / "requests", self.path / "results", self.path / "uploads"):
                self.refuse_foreign()
                self.disk.make_folder(folder)
        except OSError as error:
            raise CheckpointError(
                self.path,
                f"the folder cannot be made or written ({error.strerror or error}). Nothing was sent.",
            ) from error

    def open_store(self, uri: str | None) -> None:
        """See that the store of the tables takes and shows them. Only for the holder of the lock.

        Parameters
        ----------
        uri : str or None
            Where a new folder keeps its tables; None for a folder that is new no more, or has no store.

        Raises
        ------
        CheckpointError
            If the store takes nothing, or lacks what this folder has put there; nothing was sent.
        """
        store = self.store
        if store is None and uri is not None:
            store = Store(uri, uuid.uuid4().hex)
            text = store.text()
            write_atomically(self.disk, self.path / "store.json", lambda file: _write(file, text))
        if store is None:
            return
        tables, shards = StoreTables(store), self.shards()
        if not shards:
            tables.sign(self.path)
            return
        # What a rule of the bucket has removed would look like something that was never bought.
        fetched = {shard.number for shard in shards if shard.state is State.FETCHED}
        lost = sorted(fetched.difference(tables.numbers("results")))
        if lost or not tables.is_signed():
            raise CheckpointError(
                store.shown("results"),
                f"the store does not show what {str(self.path)!r} has put there"
                + (f", such as {file_name(lost[0])}" if lost else "")
                + ". Nothing was sent. Put it back, or move that folder away and run the same call again: it adopts what "
                "the account has bought in the last 30 days.",
            )

    def refuse_foreign(self) -> None:
        """Refuse a folder that belongs to somebody else; nothing is made or written.

        Raises
        ------
        CheckpointError
            If the path is a file, or holds other files.
        """
        if self.path.exists() and not self.path.is_dir():
            raise CheckpointError(self.path, "checkpoint= names a file; give a folder. Nothing was sent.")
        if (
            not self.path.is_dir()
            or (self.path / "recipe.json").exists()
            or (self.path / "batches.parquet").exists()
        ):
            return
        foreign = sorted(
            found.name
            for found in self.path.iterdir()
            if found.name not in OURS and not found.name.startswith(".") and not found.name.endswith(PARTIAL)
        )
        if foreign:
            raise CheckpointError(
                self.path,
                f"the folder holds other files ({foreign[0]!r}); give a new or empty folder as checkpoint=. "
                "Nothing was sent.",
            )

    def sweep(self) -> None:
        """Remove what a crashed writer left behind. Only for the holder of the lock."""
        for leftover in self.path.glob(f"*{PARTIAL}"):
            self.disk.remove(leftover)
        self.tables.sweep()
        for leftover in (self.path / "uploads").iterdir():
            self.disk.remove(leftover)

    def shards(self) -> list[Shard]:
        """Every shard this folder knows, by number."""
        path = self.path / "batches.parquet"
        return to_shards(parquet.read(path, BATCHES)) if path.exists() else []

    def write_shards(self, shards: Iterable[Shard]) -> None:
        """Record the state of every shard."""
        ordered = sorted(shards, key=lambda shard: shard.number)
        parquet.write(self.disk, self.path / "batches.parquet", to_table(ordered))

    def requests(self, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Requests of one shard, in the order of its lines."""
        return self.tables.read("requests", number, columns)

    def write_requests(self, number: int, table: pa.Table) -> None:
        """Record the requests of a new shard."""
        self.tables.write("requests", number, table.cast(REQUESTS))

    def has_results(self, number: int) -> bool:
        """Whether results of a shard are here."""
        return self.tables.has("results", number)

    def results(self, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Results of one shard, one a request."""
        return self.tables.read("results", number, columns)

    def write_results(self, number: int, table: pa.Table) -> None:
        """Record the results of a shard, whole."""
        self.tables.write("results", number, table.select(RESULTS.names).cast(RESULTS))

    def next_number(self, shards: Iterable[Shard]) -> int:
        """The first number that no shard and no file of this folder ever had."""
        return max([0, *self.tables.numbers("requests"), *(shard.number for shard in shards)]) + 1

    def ask_to_stop(self) -> None:
        """Leave word for whoever holds the lock: nothing is to be bought any more."""
        write_atomically(self.disk, self.path / STOP, lambda file: _write(file, ""))

    def is_stopped(self) -> bool:
        """Whether somebody left that word."""
        return (self.path / STOP).exists()

    def clear_stop(self) -> None:
        """Take the word away, once it is obeyed."""
        self.disk.remove(self.path / STOP)

    def upload_path(self, number: int) -> Path:
        """Where a shard's JSONL stands until its upload is verified."""
        return self.path / "uploads" / f"{number:05d}.jsonl"

    def write_recipe(self, recipe_hash: str, recipe: Mapping[str, object]) -> None:
        """Record a recipe as the user wrote it, without any value of the frame."""
        recipes = self.recipes()
        if recipe_hash in recipes:
            return
        written = {
            "format": FORMAT,
            "version": __version__,
            "recipes": {**recipes, recipe_hash: dict(recipe)},
        }
        text = json.dumps(written, ensure_ascii=False, indent=1, sort_keys=True)
        write_atomically(self.disk, self.path / "recipe.json", lambda file: _write(file, text))

    def recipes(self) -> dict[str, dict[str, object]]:
        """Every recipe recorded here, by its hash."""
        path = self.path / "recipe.json"
        if not path.exists():
            return {}
        try:
            written = json.loads(path.read_text(encoding="utf-8"))
            found: dict[str, dict[str, object]] = written["recipes"]
            version = int(written["format"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(path, f"the file cannot be read. {parquet.WHAT_TO_DO}") from error
        if version > FORMAT:
            raise CheckpointError(
                path,
                f"it was written by a newer dwbatch (format {version}). Upgrade dwbatch; nothing was sent.",
            )
        return found


def _write(file: BinaryIO, text: str) -> None:
    file.write(text.encode())
