"""The line between a job and its server, as bad as the script says: each call may be lost, late, cut or garbled."""

import http.client
import os
import re
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pandas as pd

from dwbatch.call import prepare
from dwbatch.checkpoint.disk import Disk
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard
from dwbatch.engine.clock import Pace
from dwbatch.given import read_options
from dwbatch.local import Server
from dwbatch.local.outcomes import Bill
from dwbatch.outcome import Summary
from dwbatch.sending import Means, carry_out
from tests.engine.world import StillClock, until_idle

Change = Callable[[bytes], bytes]

UPLOAD, CREATE, CANCEL = "POST /files", "POST /batches", "POST /batches/ID/cancel"
LIST, LOOK, FILES, CONTENT = "GET /batches", "GET /batches/ID", "GET /files", "GET /files/ID/content"

PASSED_ON = ("authorization", "content-type", "user-agent")
# A bare UUID, or one of OpenAI's with its prefix.
_ID = re.compile(r"(?<=/)([0-9a-f-]{36}|file-\w+|batch_\w+)(?=/|$)")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What becomes of one call.

    Parameters
    ----------
    reaches : bool
        Whether the server hears of it.
    status : int or None
        What the client is told; None tells it what the server said.
    headers, body
        Of that reply.
    change : callable
        From the body that the server sent to the one that arrives.
    rewrite : callable
        The same, where it depends on what was asked.
    cut : int or None
        The connection ends after so many bytes of the body; None sends all of it.
    has_length : bool
        Whether a Content-Length says how much there is.
    is_reset : bool
        Whether no reply comes at all: the connection is reset.
    """

    reaches: bool = True
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    change: Change = bytes
    rewrite: "Callable[[bytes, Called], bytes]" = lambda body, _: body
    cut: int | None = None
    has_length: bool = True
    is_reset: bool = False


CLEAR = Fault()
LOST_BEFORE = Fault(reaches=False, is_reset=True)
LOST_AFTER = Fault(is_reset=True)
CUT = Fault(cut=9)


def says(status: int, body: bytes = b"", *, reaches: bool = False, **headers: str) -> Fault:
    """A call that is answered in the server's stead; `headers` with underscores for dashes."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Fault(reaches=reaches, status=status, body=body, headers=named)


@dataclass(frozen=True)
class Called:
    """One call as it came in."""

    name: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))


class Weather:
    """Passes calls on to a server, or does not.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.bills_before = len(server.ledger())
        self.called: list[Called] = []
        self._coming: dict[str, deque[Fault]] = {}
        self._always: dict[str, Fault] = {}
        self._heard: dict[str, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._http = _at_a_new_port(type("_Pass", (_Pass,), {"weather": self}))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def will(self, name: str, *faults: Fault) -> None:
        """What becomes of the next calls of this name."""
        self._coming.setdefault(name, deque()).extend(faults)

    def always(self, name: str, fault: Fault) -> None:
        """What becomes of all calls of this name from now on."""
        self._always[name] = fault

    def on_call(self, name: str, hear: Callable[[], None]) -> None:
        """What else happens at each call of this name, before anything becomes of it."""
        self._heard[name] = hear

    def next(self, called: Called) -> Fault:
        with self._lock:
            self.called.append(called)
            self._heard.get(called.name, _nothing)()
            coming = self._coming.get(called.name)
            return coming.popleft() if coming else self._always.get(called.name, CLEAR)

    def clear(self) -> None:
        """Nothing but fair weather from now on."""
        self._coming.clear()
        self._always.clear()

    def calls(self) -> Counter[str]:
        return Counter(called.name for called in self.called)

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


_PORTS: set[int] = set()


def _at_a_new_port(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """A server at a port that no line had before: a job would find what was bought at its address earlier."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    made.daemon_threads = True
    if made.server_port not in _PORTS:
        _PORTS.add(made.server_port)
        return made
    with made:
        # While this one is open, its port is not given away once more.
        return _at_a_new_port(handler)


def _nothing() -> None:
    """Nobody listens."""


@contextmanager
def weather_over(server: Server) -> Iterator[Weather]:
    """The line to a server."""
    weather = Weather(server)
    try:
        yield weather
    finally:
        weather.close()


class _Pass(BaseHTTPRequestHandler):
    weather: Weather

    def do_GET(self) -> None:
        self._pass(b"")

    def do_POST(self) -> None:
        self._pass(self.rfile.read(int(self.headers["content-length"] or 0)))

    def _pass(self, body: bytes) -> None:
        path = _ID.sub("ID", self.path.partition("?")[0].removeprefix("/v1"))
        called = Called(f"{self.command} {path}", self.path, dict(self.headers), body)
        fault = self.weather.next(called)
        status, headers, content = self._ask(body) if fault.reaches else (200, {}, b"")
        if fault.is_reset:
            self._reset()
            return
        if fault.status is not None:
            status, headers, content = fault.status, {}, fault.body
        content = fault.rewrite(fault.change(content), called)
        self.send_response(status)
        for name, text in {**headers, **fault.headers}.items():
            self.send_header(name, text)
        if fault.has_length:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if fault.cut is None else content[: fault.cut])

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.weather.server.port)
        passed = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        connection.request(self.command, self.path, body or None, passed)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        own = {"content-length", "transfer-encoding", "connection", "server", "date"}
        return reply.status, {k: v for k, v in reply.getheaders() if k.lower() not in own}, content

    def _reset(self) -> None:
        # No lingering: the kernel answers with RST instead of FIN.
        at_once = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


def make_call(
    frame: pd.DataFrame,
    line: Weather | Server,
    folder: Path,
    *,
    pace: Pace | None = None,
    clock: StillClock | None = None,
    disk: Disk | None = None,
    prompt: str = "Say {text}",
    workers: int = 2,
    **options: Any,
) -> tuple[pd.DataFrame, Summary]:
    """One call over the line, with a clock that stands still."""
    server = line.server if isinstance(line, Weather) else line
    given = {
        "model": "echo",
        "base_url": line.base_url,
        "checkpoint": folder,
        "progress": False,
        **options,
    }
    means = Means(
        clock=clock or StillClock(until_idle(server)),
        pace=pace or Pace(),
        disk=disk or Disk(),
        workers=workers,
    )
    return carry_out(prepare(frame, prompt, read_options(given, call="run")), means)


def shards_in(folder: Path) -> list[Shard]:
    """The shards of a checkpoint, by number."""
    return Checkpoint(folder).shards()


def texts(*values: object) -> pd.DataFrame:
    """A frame with the column ``text``."""
    return pd.DataFrame({"text": list(values)})


def billed(weather: Weather) -> list[int]:
    """How often each request was billed over this line, sorted."""
    return _times(weather.server.ledger()[weather.bills_before :])


def bought(server: Server) -> list[int]:
    """How often each request of a server of one's own was billed, sorted."""
    return _times(server.ledger())


def _times(bills: list[Bill]) -> list[int]:
    return sorted(Counter(bill.custom_id for bill in bills).values())


def statuses(out: pd.DataFrame) -> list[str]:
    """Status of each row."""
    return [str(status) for status in out["response_status"]]
