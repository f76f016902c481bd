"""A server process of its own, one a folder, started by whoever needs it first."""

import argparse
import http.client
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import msgspec
from filelock import FileLock

from dwbatch.local.app import HEALTH_PATH
from dwbatch.local.pace import Pace
from dwbatch.local.server import DEFAULT_CONCURRENCY, Server

logger = logging.getLogger(__name__)

PORT_FILE = "port.json"
LOCK_FILE = "start.lock"
LOG_FILE = "server.log"

_ALONE = Path(__file__).with_name("alone.py")

UPSTREAM_KEY = "DWBATCH_UPSTREAM_KEY"

DEFAULT_IDLE_S = 15 * 60.0
START_TIMEOUT_S = 30.0
_HEALTH_TIMEOUT_S = 2.0
_LOOK_AGAIN_S = 0.02
_IDLE_LOOK_S = 1.0
WRONG_USAGE = 2


class Running(msgspec.Struct, frozen=True):
    """What the port file says: who listens where, and since which start."""

    pid: int
    port: int
    nonce: str


def join(
    folder: Path | str, *, idle_s: float = DEFAULT_IDLE_S, start_timeout_s: float = START_TIMEOUT_S
) -> str:
    """Address of the one server process of a folder, which is started if it does not run.

    Parameters
    ----------
    folder : path
        Where the server keeps its store; made if it is not there.
    idle_s : float
        Time without a call after which a server started here ends by itself, in seconds.
    start_timeout_s : float
        Longest wait for a new server, in seconds.

    Returns
    -------
    str
        Base URL, as in ``"http://127.0.0.1:49152/v1"``.

    Raises
    ------
    RuntimeError
        If a new server ended at once, or was not up in time; its log is in the folder.

    Notes
    -----
    The port file is believed only if the server behind it echoes the nonce of that start: a port or a
    process id may long belong to somebody else. The server outlives its caller, and a new one goes on
    where a killed one stopped.
    """
    place = Path(folder).resolve()
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place / LOCK_FILE):
        running = find(place)
        if running is None:
            running = _start(place, idle_s, start_timeout_s)
    return f"http://127.0.0.1:{running.port}/v1"


def find(folder: Path) -> Running | None:
    """The folder's server, if one runs and is the one that the port file names."""
    try:
        running = msgspec.json.decode((folder / PORT_FILE).read_bytes(), type=Running)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return running if _nonce_at(running.port) == running.nonce else None


def _nonce_at(port: int) -> str | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", HEALTH_PATH)
        said = msgspec.json.decode(connection.getresponse().read(), type=dict[str, str])
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        return None
    finally:
        connection.close()
    return said.get("nonce")


def _start(folder: Path, idle_s: float, timeout_s: float) -> Running:
    nonce = secrets.token_hex(16)
    # -P, or the files beside that one would hide modules of the same name.
    command = [sys.executable, "-P", str(_ALONE), "--port", "0", "--folder", str(folder)]
    command += ["--idle", str(idle_s), "--nonce", nonce]
    with (folder / LOG_FILE).open("ab") as log:
        started = _spawn(command, log)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and started.poll() is None:
        running = find(folder)
        if running is not None and running.nonce == nonce:
            # It is nobody's child to wait for: without this, the forgotten
            # Popen would warn that its process still runs.
            started.returncode = 0
            return running
        time.sleep(_LOOK_AGAIN_S)
    raise RuntimeError(
        f"The local server for {str(folder)!r} did not start. Its own words are in {LOG_FILE!r} there."
    )


def _spawn(command: list[str], log: BinaryIO) -> subprocess.Popen[bytes]:
    # A session of its own, so that a Ctrl-C meant for the caller, or the end of
    # its terminal, does not end the server that others have joined.
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(  # noqa: S603 - as below
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, creationflags=flags
        )
    return subprocess.Popen(  # noqa: S603 - this interpreter, this module, our own arguments
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )


def serve(argv: list[str]) -> int:
    """Run a server until Ctrl-C, a termination signal, or idleness.

    Parameters
    ----------
    argv : list of str
        Arguments after the program's name; ``--help`` lists them.

    Returns
    -------
    int
        Exit status: 0, or 2 if the arguments or the folder are of no use.
    """
    options = _parser().parse_args(argv)
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    over = threading.Event()
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), lambda *_: over.set())
    try:
        server = _started(folder, options)
    except (ValueError, RuntimeError) as error:
        sys.stderr.write(f"dwbatch local: {error}\n")
        return WRONG_USAGE
    try:
        _announce(folder, Running(os.getpid(), server.port, server.nonce))
        if not options.nonce:
            sys.stdout.write(f"Serving {server.base_url} from {folder}. Ctrl-C ends it.\n")
            sys.stdout.flush()
        while not over.wait(_IDLE_LOOK_S):
            if options.idle and server.idle_s() > options.idle:
                break
    finally:
        server.stop()
    return 0


def _started(folder: Path, options: argparse.Namespace) -> Server:
    server = Server(
        folder,
        port=options.port,
        host=options.host,
        is_open=options.open,
        keys=options.key,
        dialect=options.dialect,
        pace=Pace(
            latency_s=options.delay,
            spread=options.spread,
            tokens_per_s=options.tokens_per_s,
            requests_per_s=options.requests_per_s,
        ),
        upstream=options.upstream,
        upstream_key=os.environ.get(UPSTREAM_KEY),
        concurrency=options.concurrency,
        nonce=options.nonce,
    )
    server.start()
    return server


def _announce(folder: Path, running: Running) -> None:
    temporary = folder / f"{PORT_FILE}.{running.pid}"
    temporary.write_bytes(msgspec.json.encode(running))
    temporary.replace(folder / PORT_FILE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dwbatch local",
        description="A batch server on this machine, for work without a key.",
        epilog="Example: dwbatch local --port 0 --folder served",
    )
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--open", action="store_true", help="let other machines in, if --host does")
    parser.add_argument("--key", action="append", help="let in only calls with this API key; may be repeated")
    parser.add_argument("--dialect", choices=["doubleword", "openai"], default="doubleword")
    parser.add_argument("--folder", default=".dwbatch/local", help="where files and results are kept")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that each answer takes")
    parser.add_argument(
        "--upstream",
        metavar="URL",
        help=f"let the model at this OpenAI-compatible address answer; its key is read from ${UPSTREAM_KEY}",
    )
    parser.add_argument(
        "--concurrency", type=int, default=DEFAULT_CONCURRENCY, help="most requests answered at one time"
    )
    parser.add_argument("--spread", type=float, default=0.0, help="how much that time differs: 0.5 is much")
    parser.add_argument("--tokens-per-s", type=float, help="speed at which answers are written")
    parser.add_argument("--requests-per-s", type=float, help="most requests taken up in a second")
    parser.add_argument("--idle", type=float, default=0.0, help="end after so many seconds without a call")
    parser.add_argument("--nonce", default="", help=argparse.SUPPRESS)
    return parser
