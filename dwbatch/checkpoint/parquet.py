"""Parquet files of the checkpoint: read with their faults named, written whole."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from dwbatch.checkpoint.disk import Disk, write_atomically
from dwbatch.checkpoint.schemas import FORMAT, FORMAT_FIELD, LATER, REPEATED
from dwbatch.errors import CheckpointError, first_line


def write(disk: Disk, path: Path, table: pa.Table) -> None:
    """Write a table atomically, with the format version in its metadata and a checksum on every page."""
    write_atomically(disk, path, lambda file: fill(file, table))


def fill(file: BinaryIO | pa.NativeFile, table: pa.Table) -> None:
    """Write a table into an open file, with a checksum on every page."""
    repeated = [name for name in table.schema.names if name in REPEATED]
    # Nobody looks for a row by its statistics, and texts of their own fit no dictionary.
    pq.write_table(
        table,
        file,
        compression="zstd",
        write_page_checksum=True,
        use_dictionary=repeated or False,
        write_statistics=False,
    )


def read(
    path: Path | str,
    schema: pa.Schema,
    columns: Sequence[str] | None = None,
    *,
    source: tuple[pafs.FileSystem, str] | None = None,
) -> pa.Table:
    """Read a file of the checkpoint.

    Parameters
    ----------
    path : Path or str
        As an error names it.
    schema : pa.Schema
        What the file should hold.
    columns : sequence of str, optional
        Only these.
    source : tuple of (pyarrow.fs.FileSystem, str), optional
        Where it stands, if that is not a path of this machine.

    Raises
    ------
    CheckpointError
        If the file is missing, torn, not ours, or from a newer version. Nothing is deleted.
    """
    filesystem, place = (None, path) if source is None else source
    wanted = list(columns) if columns is not None else schema.names
    try:
        # Opened once: whoever works may put another file in its place between two looks. And one turned bit in a
        # key or a state would otherwise buy a row again.
        with pq.ParquetFile(place, filesystem=filesystem, page_checksum_verification=True) as file:
            found = file.schema_arrow
            _check_version(path, found)
            later = [name for name in wanted if name in LATER and name not in found.names]
            absent = [name for name in wanted if name not in found.names and name not in later]
            if absent:
                raise CheckpointError(
                    path, f"it has no column {absent[0]!r}, so dwbatch did not write it as it is now."
                )
            table = file.read([name for name in wanted if name not in later])
        for name in later:
            table = table.append_column(schema.field(name), pa.nulls(len(table), schema.field(name).type))
        return table.select(wanted).cast(pa.schema([schema.field(name) for name in wanted]))
    except FileNotFoundError as error:
        raise CheckpointError(path, f"the file is missing. {WHAT_TO_DO}") from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CheckpointError(path, f"the file cannot be read ({first_line(error)}). {WHAT_TO_DO}") from error


WHAT_TO_DO = (
    "Nothing was deleted and nothing was sent. Put back a copy of the file if there is one; "
    "if there is none, move the whole folder away and run the same call again."
)


def _check_version(path: Path | str, schema: pa.Schema) -> None:
    version = (schema.metadata or {}).get(FORMAT_FIELD)
    if version is None or not version.isdigit():
        raise CheckpointError(
            path, "dwbatch did not write this file. Give a folder of its own as checkpoint=."
        )
    if int(version) > FORMAT:
        raise CheckpointError(
            path,
            f"it was written by a newer dwbatch (format {version.decode()}, this one reads {FORMAT}). "
            "Upgrade dwbatch; nothing was changed or sent.",
        )
