"""The files that a parquet job writes: each whole or not there, and a marker when all of them are."""

import json
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from dwbatch.checkpoint.disk import PARTIAL, Disk, write_atomically
from dwbatch.errors import InputError

IfExists = Literal["replace", "append"]
MARKER = "_SUCCESS"
MADE_BY = b"dwbatch"


@dataclass(frozen=True, slots=True)
class Origin:
    """What made a destination: only the same may bring it up to date unasked.

    Parameters
    ----------
    recipe : str
        Hash of the recipe at its server.
    output : str
        Name of the answer column.
    """

    recipe: str
    output: str

    def text(self) -> str:
        """As it stands in the metadata of each file."""
        return json.dumps({"output": self.output, "recipe": self.recipe}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a job's rows go: one parquet file, or a folder with a file for each of the source.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
    path : str
    disk : Disk
        What effects on a local one go through.
    """

    filesystem: pafs.FileSystem
    path: str
    disk: Disk

    @property
    def is_file(self) -> bool:
        """Whether all rows go into one file."""
        return self.path.endswith((".parquet", ".pq"))

    @property
    def is_local(self) -> bool:
        """Whether it stands on this machine's disk."""
        return isinstance(self.filesystem, pafs.LocalFileSystem)

    def refuse_foreign(self, origin: Origin, if_exists: IfExists | None) -> None:
        """Refuse to write over what this recipe has not written.

        Raises
        ------
        InputError
            Naming what is there, and the ways out.
        """
        if self.is_file and if_exists == "append":
            raise InputError.nothing_sent(
                f"if_exists='append' adds files to a folder; {self.path!r} is one file. Give a folder."
            )
        found = self._first_file()
        if found is None or if_exists is not None or self._origin(found) == origin.text():
            return
        raise InputError.nothing_sent(
            f"{self.path!r} is there already, and another recipe or another program wrote it. Say "
            "if_exists='replace' to write over it"
            + ("" if self.is_file else ", if_exists='append' to add files beside it")
            + ", or give another destination."
        )

    def _first_file(self) -> str | None:
        kind = self.filesystem.get_file_info(self.path).type
        if kind is pafs.FileType.File:
            return self.path
        files = [] if kind is pafs.FileType.NotFound else self.files()
        return files[0] if files else None

    def _origin(self, path: str) -> str | None:
        try:
            with self.filesystem.open_input_file(path) as file:
                metadata = pq.read_schema(file).metadata or {}
        except (OSError, pa.ArrowException):
            return None
        return metadata.get(MADE_BY, b"").decode() or None

    def files(self) -> list[str]:
        """Parquet files of the folder, in order."""
        selector = pafs.FileSelector(self.path, recursive=True, allow_not_found=True)
        found = self.filesystem.get_file_info(selector)
        return sorted(each.path for each in found if each.is_file and each.path.endswith((".parquet", ".pq")))

    def unmark(self) -> None:
        """Take the marker away before the first file changes."""
        if self.filesystem.get_file_info(self._marker).is_file:
            self.filesystem.delete_file(self._marker)

    def mark(self, summary: Mapping[str, object]) -> None:
        """Say that every file is whole, and what became of the rows."""
        text = json.dumps(summary, indent=1, sort_keys=True).encode()
        self._put(self._marker, lambda file: _write(file, text))

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files of an earlier run that this one has no rows for."""
        for path in paths:
            self.filesystem.delete_file(path)

    def write(self, name: str, schema: pa.Schema, tables: Iterator[pa.Table], *, row_group_rows: int) -> str:
        """Write one file, row groups as they come.

        Parameters
        ----------
        name : str
            Below the folder; not used for a single file.
        schema : pa.Schema
        tables : iterator of pa.Table
        row_group_rows : int
            Most rows of a row group.

        Returns
        -------
        str
            The file's path.
        """
        path = self.path if self.is_file else posixpath.join(self.path, name)

        def fill(file: Any) -> None:
            with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                for table in tables:
                    writer.write_table(table.cast(schema), row_group_size=row_group_rows)

        self._put(path, fill)
        return path

    @property
    def _marker(self) -> str:
        return f"{self.path}.summary.json" if self.is_file else posixpath.join(self.path, MARKER)

    def _put(self, path: str, fill: Callable[[Any], None]) -> None:
        if self.is_local:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.disk, Path(path), fill)
            return
        # A stream that breaks off still leaves an object behind, so the name comes last.
        parent = posixpath.dirname(path)
        if parent:
            self.filesystem.create_dir(parent, recursive=True)
        with self.filesystem.open_output_stream(path + PARTIAL) as file:
            fill(file)
        self.filesystem.move(path + PARTIAL, path)


def _write(file: BinaryIO, text: bytes) -> None:
    file.write(text)
