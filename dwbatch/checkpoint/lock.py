"""The lock on a checkpoint: one call at a time, and a sentence that says whose."""

import datetime as dt
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from dwbatch.errors import CheckpointError, CheckpointLockedError

logger = logging.getLogger(__name__)


@contextmanager
def locked(
    folder: Path, *, timeout_s: float | None = None, on_wait: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold a checkpoint.

    Parameters
    ----------
    folder : Path
    timeout_s : float, optional
        How long to wait for another holder, in seconds; None waits as long as it takes.
    on_wait : callable, optional
        Told, once, who holds it.

    Raises
    ------
    CheckpointLockedError
        If it is still held when the time is over.

    Notes
    -----
    The operating system lets go of the lock when its holder dies, so a lock left by a dead
    call is none.
    """
    # A thread of the same process is another call too, so the lock is never shared.
    lock = FileLock(folder / "lock", thread_local=False)
    try:
        _acquire(lock, folder, timeout_s, on_wait)
    except Timeout as error:
        raise CheckpointLockedError(
            folder,
            f"{holder(folder)} is using this checkpoint and did not let go in time. Nothing was sent. "
            "Wait for it, or give this call a checkpoint= of its own.",
        ) from error
    except OSError as error:
        raise CheckpointError(
            folder, f"the folder cannot be locked ({error.strerror or error}). Nothing was sent."
        ) from error
    try:
        _sign(folder)
        yield
    finally:
        with suppress(OSError):
            (folder / "lock.json").unlink(missing_ok=True)
        lock.release()


def _acquire(
    lock: FileLock, folder: Path, timeout_s: float | None, on_wait: Callable[[str], None] | None
) -> None:
    started = time.monotonic()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("waiting for %s, which is using %s", holder(folder), folder)
        if on_wait is not None:
            on_wait(f"waiting for {holder(folder)}, which is using {str(folder)!r}")
        left = -1.0 if timeout_s is None else max(0.0, timeout_s - (time.monotonic() - started))
        lock.acquire(timeout=left, poll_interval=0.1)


def _sign(folder: Path) -> None:
    since = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    signature = {"pid": os.getpid(), "host": socket.gethostname(), "since": since}
    # Only a courtesy to whoever waits: a full disk must not stop the call here.
    with suppress(OSError):
        (folder / "lock.json").write_text(json.dumps(signature), encoding="utf-8")


def signature(folder: Path) -> str | None:
    """What the holder of a checkpoint has signed with: equal only where the very same folder is seen."""
    try:
        return (folder / "lock.json").read_text(encoding="utf-8")
    except OSError:
        return None


def holder(folder: Path) -> str:
    """Who holds a checkpoint, for a sentence."""
    try:
        signature = json.loads((folder / "lock.json").read_text(encoding="utf-8"))
        return f"process {signature['pid']} on {signature['host']} (since {signature['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        # Between taking the lock and signing it, or a disk without room to sign.
        return "another process"
