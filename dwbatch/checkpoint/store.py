"""The tables of a checkpoint on an object store, where many machines reach them.

The store keeps whole objects, and a name in it is written by one client alone: what must change at once, be locked
or be renamed stays in that client's folder, which says in ``store.json`` where its tables are.
"""

import json
import platform
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.fs as pafs

from dwbatch.checkpoint import parquet
from dwbatch.checkpoint.tables import SCHEMAS, Kind, file_name
from dwbatch.errors import CheckpointError, first_line

# Tells whoever opens the bucket whose tables these are, and a worker that it sees the very same store.
SIGN = "client.json"


@dataclass(frozen=True, slots=True)
class Store:
    """Where the tables of one folder stand; nothing in it is secret, since it travels in graphs.

    Parameters
    ----------
    uri : str
        As the user gave it.
    folder : str
        A name below it that no other client has, so that two of them never write the same object.
    """

    uri: str
    folder: str

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """What ``store.json`` says; None where there is none.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        try:
            written = json.loads(path.read_text(encoding="utf-8"))
            return cls(str(written["uri"]), str(written["folder"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(path, f"the file cannot be read. {parquet.WHAT_TO_DO}") from error

    def text(self) -> str:
        """As it stands in ``store.json``."""
        return json.dumps({"folder": self.folder, "uri": self.uri}, indent=1, sort_keys=True)

    def shown(self, name: str) -> str:
        """An object of the store, for a sentence."""
        front, _, query = self.uri.partition("?")
        return posixpath.join(front, self.folder, name) + (f"?{query}" if query else "")


class StoreTables:
    """Tables on an object store.

    Parameters
    ----------
    store : Store

    Notes
    -----
    What is asked of a store: an object appears whole or not at all, is read as it was last written, and is listed
    from then on. S3 [1]_, Google Cloud Storage and Azure promise all three.

    .. [1] https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def sign(self, folder: Path) -> None:
        """Say whose tables these are; by that the store is known to take and show objects.

        Raises
        ------
        CheckpointError
            If it does not.
        """
        signed = {"store": self.store.folder, "host": platform.node(), "folder": str(folder)}
        self._put(SIGN, pa.py_buffer(json.dumps(signed).encode()))

    def is_signed(self) -> bool:
        """Whether the store shows what `sign` has written."""
        filesystem, path = self._place(SIGN)
        try:
            with filesystem.open_input_stream(path) as file:
                text = file.read()
        except FileNotFoundError:
            return False
        except (OSError, pa.ArrowException) as error:
            raise self._unseen(SIGN, error) from error
        # Not its being there alone: where the address is wrong, a server of something else may say yes to any name.
        return self.store.folder.encode() in text

    def read(self, kind: Kind, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """One table, or some columns of it."""
        name = _name(kind, number)
        filesystem, path = self._place(name)
        return parquet.read(self.store.shown(name), SCHEMAS[kind], columns, source=(filesystem, path))

    def write(self, kind: Kind, number: int, table: pa.Table) -> None:
        """Put one table there, so that a reader finds all of it or nothing."""
        # Whole in memory first: a stream into which half a table goes leaves that half as an object.
        buffer = pa.BufferOutputStream()
        parquet.fill(buffer, table)
        self._put(_name(kind, number), buffer.getvalue())

    def has(self, kind: Kind, number: int) -> bool:
        """Whether a table is there."""
        name = _name(kind, number)
        filesystem, path = self._place(name)
        try:
            return bool(filesystem.get_file_info(path).is_file)
        except (OSError, pa.ArrowException) as error:
            raise self._unseen(name, error) from error

    def numbers(self, kind: Kind) -> list[int]:
        """Of which shards there are tables, in no order."""
        filesystem, path = self._place(kind)
        try:
            found = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True))
        except (OSError, pa.ArrowException) as error:
            raise self._unseen(kind, error) from error
        stems = [posixpath.splitext(each.base_name)[0] for each in found if each.is_file]
        return [int(stem) for stem in stems if stem.isdecimal()]

    def sweep(self) -> None:
        """Remove nothing: an object that was not written to its end is none."""

    def _put(self, name: str, content: pa.Buffer) -> None:
        filesystem, path = self._place(name)
        try:
            if not isinstance(filesystem, pafs.S3FileSystem):
                # S3 has no folders, and to make one asks for more rights than an object does.
                filesystem.create_dir(posixpath.dirname(path), recursive=True)
            with filesystem.open_output_stream(path) as file:
                file.write(content)
        except (OSError, pa.ArrowException) as error:
            raise CheckpointError(
                self.store.shown(name),
                f"the object could not be written ({first_line(error)}). What was recorded before stands, "
                "and so does every batch that was bought. Mend the cause and run the same call again.",
            ) from error

    def _place(self, name: str) -> tuple[pafs.FileSystem, str]:
        try:
            filesystem, path = _opened(self.store.uri)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self._unseen(name, error) from error
        return filesystem, posixpath.join(path, self.store.folder, name)

    def _unseen(self, name: str, error: Exception) -> CheckpointError:
        return CheckpointError(
            self.store.shown(name),
            f"the store cannot be asked for it ({first_line(error)}). What was recorded before stands. Mend "
            "the cause and run the same call again.",
        )


def refuse_unseen(store: Store, *, by: str) -> None:
    """Refuse to go on where the store does not show what its client has put there.

    Parameters
    ----------
    store : Store
    by : str
        Who looks, for a sentence.

    Raises
    ------
    CheckpointError
    """
    try:
        if StoreTables(store).is_signed():
            return
        why = f"its {SIGN} is not there."
    except CheckpointError as error:
        why = error.message
    raise CheckpointError(
        store.shown(""),
        f"{by} does not see the store as the client does: {why} Nothing was sent by it. Everything that is bought is "
        "kept there; let that machine reach the store, with rights to read and write.",
    )


# Opening one asks the store for its region, and makes connections of its own.
@lru_cache(maxsize=8)
def _opened(uri: str) -> tuple[pafs.FileSystem, str]:
    filesystem, path = pafs.FileSystem.from_uri(uri)
    return filesystem, path.rstrip("/")


def _name(kind: Kind, number: int) -> str:
    return f"{kind}/{file_name(number)}"
