"""Where a checkpoint stands: given, or under ``.dwbatch`` by name and recipe."""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from dwbatch.checkpoint.disk import Disk

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


def make_parent(place: Path, disk: Disk) -> None:
    """Make the folder in which a default place stands, with a ``.gitignore`` in it."""
    disk.make_folder(place.parent)
    ignore = place.parent / ".gitignore"
    if not ignore.exists():
        disk.write(ignore, _write_ignore)


def _write_ignore(file: BinaryIO) -> None:
    file.write(IGNORE.encode())
