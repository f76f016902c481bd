"""Where a checkpoint stands: given, or under ``.dwbatch`` by name and recipe, or by the store that has its tables."""

import os
import re
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from dwbatch.checkpoint.disk import Disk
from dwbatch.errors import InputError, first_line

IGNORE = "# Made by dwbatch: checkpoints hold answers and ids, and are nobody else's business.\n*\n"


def default_place(*, name: str, recipe_hash: str, environ: Mapping[str, str], cwd: Path) -> Path:
    """Folder of a recipe under ``DWBATCH_HOME``, else under ``.dwbatch`` in the working directory.

    Parameters
    ----------
    name : str
        The job's name.
    recipe_hash : str
    environ : mapping
        Environment variables.
    cwd : Path
        Working directory.
    """
    home = environ.get("DWBATCH_HOME")
    return (Path(home).expanduser() if home else cwd / ".dwbatch") / f"{name}-{recipe_hash}"


def given_place(given: str | os.PathLike[str], *, environ: Mapping[str, str], cwd: Path) -> Path:
    """Folder that a caller names: by its path, or by the URI of the store that has its tables.

    The folder of a store is found again by the URI alone, on this machine and under the same home.

    Raises
    ------
    InputError
        If it names a store that cannot be used.
    """
    uri = store_uri(given)
    if uri is None:
        text = os.fspath(given)
        return Path(_local_path(text) if _is_uri(text) else text).expanduser().absolute()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", urlsplit(uri).path.rpartition("/")[2]).strip("-") or "store"
    mark = blake2b(uri.encode(), digest_size=8).hexdigest()
    return default_place(name=name, recipe_hash=mark, environ=environ, cwd=cwd)


def store_uri(given: object) -> str | None:
    """The store that a caller names, one form for all of its spellings; None for a folder.

    Raises
    ------
    InputError
        If it cannot be used: it holds a secret, or shows files that are half written.
    """
    if not isinstance(given, str) or not _is_uri(given) or urlsplit(given).scheme == "file":
        return None
    front, sign, query = given.partition("?")
    parts = urlsplit(given)
    # Arrow reads a key and its secret before the @, and a shared signature of Azure after the question mark.
    if parts.password is not None or "sig" in parse_qs(query):
        raise InputError.nothing_sent(
            f"checkpoint={parts.scheme}://… holds a secret, which would stand in files and travel in graphs. Take it "
            "out, and let every machine find its own where the store's other programs do (AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, a role, a profile)."
        )
    if parts.scheme in {"hdfs", "viewfs", "mock"}:
        raise InputError.nothing_sent(
            f"checkpoint={given!r} is no object store: it may show a file that is half written. Give a store such as "
            "s3://, gs:// or abfs://, or a folder that all machines share."
        )
    return front.rstrip("/") + sign + query


def _is_uri(text: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]*://", text) is not None


def _local_path(uri: str) -> str:
    try:
        path: str = pafs.FileSystem.from_uri(uri)[1]
    except (ValueError, OSError, pa.ArrowException) as error:
        raise InputError.nothing_sent(f"checkpoint={uri!r} names no folder: {first_line(error)}.") from error
    return path


def make_parent(place: Path, disk: Disk) -> None:
    """Make the folder in which a default place stands, with a ``.gitignore`` in it."""
    disk.make_folder(place.parent)
    ignore = place.parent / ".gitignore"
    if not ignore.exists():
        disk.write(ignore, _write_ignore)


def _write_ignore(file: BinaryIO) -> None:
    file.write(IGNORE.encode())
