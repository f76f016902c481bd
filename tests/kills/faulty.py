"""A disk and a wire that fail on order: they kill their own process, or lose what was said."""

import io
import itertools
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from dwbatch.checkpoint.disk import PARTIAL, Disk

# Windows has no signal of this name; there os.kill ends a process outright whatever the signal.
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
FIRST_BLOCK_BYTES = 100
LOOKS_BEFORE_ARRIVAL = 3


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


class Fault(StrEnum):
    """What may happen to a call on its way."""

    NONE = "none"
    REPLY_LOST = "the server does it, and its reply is lost"
    ANSWERED_500 = "the server does it, and a proxy answers 500"
    NEVER_ARRIVES = "the connection ends before the server hears of it"
    ARRIVES_LATE = "the connection ends, and a proxy passes the call on later"


class FaultyAdapter(HTTPAdapter):
    """Says how far each call is, and does to it what the script says.

    Parameters
    ----------
    fuse : Fuse
    script : mapping of str to sequence of Fault
        What happens to the first, second, … call such as ``"POST /batches"``; those after it fare well.
    """

    def __init__(self, fuse: Fuse, script: Mapping[str, Sequence[Fault]]) -> None:
        super().__init__()
        self._fuse = fuse
        self._script = {call: deque(faults) for call, faults in script.items()}
        self._late: list[Callable[[], requests.Response]] = []
        self._looks: list[str] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override] # passed on as it came
        call = f"{request.method} {urlsplit(request.url or '').path.partition('/v1')[2]}"
        fault = self._script[call].popleft() if self._script.get(call) else Fault.NONE
        self._fuse.happen(f"ask {call}")
        self._bring_what_is_late(call)
        if hasattr(request.body, "read"):
            request.body = HalvedBody(request.body, lambda: self._fuse.happen(f"half of {call}"))  # type: ignore[assignment] # a file is a body too
        if fault is Fault.ARRIVES_LATE:
            self._late.append(lambda: super(FaultyAdapter, self).send(request, **options))
        if fault in {Fault.NEVER_ARRIVES, Fault.ARRIVES_LATE}:
            raise _reset()
        response = super().send(request, **options)
        self._fuse.happen(f"reply to {call}")
        if fault is not Fault.NONE:
            response.close()
            if fault is Fault.REPLY_LOST:
                raise _reset()
            return self.build_response(request, _five_hundred())
        if call.endswith("/content"):
            _halve(response.raw, lambda: self._fuse.happen(f"half of {call}"))
        return response

    def _bring_what_is_late(self, call: str) -> None:
        if self._late and call == "GET /batches":
            self._looks.append(call)
            if len(self._looks) == LOOKS_BEFORE_ARRIVAL:
                self._late.pop()().close()


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


def _reset() -> requests.ConnectionError:
    return requests.ConnectionError(
        urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError("reset by peer"))
    )


def _five_hundred() -> urllib3.HTTPResponse:
    return urllib3.HTTPResponse(
        body=io.BytesIO(b"upstream closed"),
        status=500,
        headers={"Content-Type": "text/plain"},
        preload_content=False,
    )
