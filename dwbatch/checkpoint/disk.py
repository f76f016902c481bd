"""The few things done to the disk, each one a step that a crash may fall between.

A file appears under its name whole or not at all: it is written under a
temporary name in the same folder, synced, renamed, and the folder synced.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from dwbatch.errors import CheckpointError

PARTIAL = ".partial"


class Disk:
    """Effects on the file system. A test may stand in for it and crash at any of them."""

    def make_folder(self, path: Path) -> None:
        """Make a folder that only its owner may enter; parents that are missing likewise."""
        # mkdir would give the mode to the last one alone.
        for missing in reversed([parent for parent in path.parents if not parent.exists()]):
            missing.mkdir(mode=0o700, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)

    def write(self, path: Path, fill: Callable[[BinaryIO], None]) -> None:
        """Write a temporary file whole and sync it."""
        with path.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())

    def spill(self, path: Path, fill: Callable[[BinaryIO], None]) -> None:
        """Write a file that need not survive: whoever misses it writes it again."""
        with path.open("wb") as file:
            fill(file)

    def append(self, path: Path, text: bytes) -> None:
        """Add to a file that nobody would miss, at once."""
        with path.open("ab", buffering=0) as file:
            file.write(text)

    def rename(self, old: Path, new: Path) -> None:
        """Put a file in another's place at once."""
        old.replace(new)

    def sync_folder(self, path: Path) -> None:
        """Make a rename durable."""
        # Windows has no handle for a folder and needs none: NTFS journals the rename.
        if os.name == "nt":
            return
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Remove a file that may be gone already."""
        path.unlink(missing_ok=True)


def write_atomically(disk: Disk, path: Path, fill: Callable[[BinaryIO], None]) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part.

    Raises
    ------
    CheckpointError
        If the disk is full or the folder cannot be written; the old file stands.
    """
    temporary = path.with_name(path.name + PARTIAL)
    try:
        disk.write(temporary, fill)
        disk.rename(temporary, path)
        disk.sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(
            path,
            f"the file could not be written ({error.strerror or error}). What was recorded before stands, and so "
            "does every batch that was bought. Mend the cause and run the same call again.",
        ) from error
