"""A disk and a wire that say how far they are, so that something can happen at any step of theirs."""

import io
import itertools
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from dwbatch.checkpoint.disk import PARTIAL, Disk

# Windows has no signal of this name; there os.kill ends a process outright whatever the signal.
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
FIRST_BLOCK_BYTES = 100


def die() -> None:
    """End this process as the kernel ends one: no exception, no cleaning up, no last word."""
    os.kill(os.getpid(), KILL)


class Fuse:
    """Waits for events to happen one after the other, and does something at the last of them.

    Parameters
    ----------
    events : sequence of str
        Patterns, as for a file's name. None never burns.
    burn : callable
        What then happens, in the middle of the event.
    """

    def __init__(self, events: Sequence[str] = (), burn: Callable[[], None] = die) -> None:
        self._left = deque(events)
        self._burn = burn
        self._lock = threading.Lock()

    def happen(self, event: str) -> None:
        with self._lock:
            if not self._left or not fnmatchcase(event, self._left[0]):
                return
            self._left.popleft()
            if not self._left:
                self._burn()


class FaultyDisk(Disk):
    """Says when a file is half written, and when it is renamed but the folder not synced."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse

    def write(self, path: Path, fill: Callable[[BinaryIO], None]) -> None:
        super().write(path, self._in_halves(path, fill))

    def spill(self, path: Path, fill: Callable[[BinaryIO], None]) -> None:
        super().spill(path, self._in_halves(path, fill))

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self._fuse.happen(f"renamed {_short(new)}")

    def _in_halves(self, path: Path, fill: Callable[[BinaryIO], None]) -> Callable[[BinaryIO], None]:
        def fill_in_halves(file: BinaryIO) -> None:
            whole = io.BytesIO()
            fill(whole)
            content = whole.getvalue()
            file.write(content[: len(content) // 2])
            file.flush()
            self._fuse.happen(f"half of {_short(path)}")
            file.write(content[len(content) // 2 :])

        return fill_in_halves


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name.removesuffix(PARTIAL)}"


class FaultyAdapter(HTTPAdapter):
    """Says how far each call is: asked, half sent, replied to, half read."""

    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self._fuse = fuse

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override] # passed on as it came
        call = f"{request.method} {urlsplit(request.url or '').path.partition('/v1')[2]}"
        self._fuse.happen(f"ask {call}")
        if hasattr(request.body, "read"):
            request.body = HalvedBody(request.body, lambda: self._fuse.happen(f"half of {call}"))  # type: ignore[assignment] # a file is a body too
        response = super().send(request, **options)
        self._fuse.happen(f"reply to {call}")
        if call.endswith("/content"):
            _halve(response.raw, lambda: self._fuse.happen(f"half of {call}"))
        return response


class HalvedBody:
    """A body whose reader stops once, half-way."""

    def __init__(self, body: Any, at_half: Callable[[], None]) -> None:
        self._body = body
        self._at_half = at_half
        self._half = len(body) // 2

    def __len__(self) -> int:
        return len(self._body)

    def tell(self) -> int:
        place: int = self._body.tell()
        return place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        place: int = self._body.seek(offset, whence)
        return place

    def read(self, size: int = -1) -> bytes:
        left = self._half - self.tell()
        if left == 0:
            self._at_half()
        block: bytes = self._body.read(size if left <= 0 or 0 <= size < left else left)
        return block


def _halve(raw: Any, at_half: Callable[[], None]) -> None:
    """Make a reply's first block small, and say so before the next is read."""
    blocks = itertools.count()

    def in_halves(read: Callable[..., bytes]) -> Callable[..., bytes]:
        def read_half(size: int | None = None, **options: Any) -> bytes:
            number = next(blocks)
            if number == 1:
                at_half()
            return read(size if number else FIRST_BLOCK_BYTES, **options)

        return read_half

    raw.read, raw.read1 = in_halves(raw.read), in_halves(raw.read1)
