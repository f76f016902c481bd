"""Delays where nobody expects them: a plugin that makes some functions late, to find what only luck keeps in order.

    uv run pytest -p tests.delays --delay hands:31 tests/engine

makes the threads of the engine late; ``main`` means the thread of the tests, ``others`` the servers', ``all``
everybody. The number chooses the functions, so that each number looks at other moments. A test that fails now
has a moment in which it fails by itself, on a busy machine, once in a thousand runs.
"""

import random
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from types import CodeType, FrameType

import pytest

KINDS = ("main", "hands", "others", "all")
# Our own functions, and those by which threads and sockets wait for each other.
PLACES = ("/dwbatch/", "/tests/", "/http/", "/concurrent/", "/urllib3/", "socketserver.py", "queue.py")
SHARE_OF_FUNCTIONS = 0.25
SHARE_OF_CALLS = 0.4
DELAY_S = 0.01
# A test goes on in the end, however much it calls.
MOST_OF_A_FUNCTION = 8
MOST_OF_A_THREAD = 60

Moment = tuple[CodeType, str]


class _Thread(threading.local):
    """What a thread has been delayed so far."""

    def __init__(self) -> None:
        name = threading.current_thread().name
        self.kind = "main" if name == "MainThread" else "hands" if name.startswith("dwbatch") else "others"
        self.counts: Counter[Moment] = Counter()


class Delays:
    """A profile function that is late before or after some calls.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    seed : str
        Chooses the functions.
    pause : callable of float
        Takes so many seconds.
    """

    def __init__(self, kind: str, seed: str, pause: Callable[[float], None] = time.sleep) -> None:
        if kind not in KINDS:
            raise pytest.UsageError(
                f"--delay {kind}:{seed} names no kind of thread; those are {', '.join(KINDS)}"
            )
        self._kind, self._seed, self._pause = kind, seed, pause
        self._draw = random.Random(seed)  # noqa: S311 - no secret
        self._chosen: dict[Moment, bool] = {}
        self._thread = _Thread()

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Be told of a call or a return by the interpreter."""
        if event not in {"call", "return"}:
            return
        moment = (frame.f_code, event)
        is_chosen = self._chosen.get(moment)
        if is_chosen is None:
            is_chosen = self._chosen[moment] = self._choose(*moment)
        if is_chosen and self._kind in {"all", self._thread.kind}:
            self._be_late(moment)

    def forget(self) -> None:
        """Begin anew with this thread, at the beginning of a test."""
        self._thread.counts.clear()

    def _choose(self, code: CodeType, event: str) -> bool:
        place = code.co_filename.replace("\\", "/")
        if not any(part in place for part in PLACES):
            return False
        name = f"{self._seed} {place.rpartition('/')[2]} {code.co_qualname} {event}"
        return zlib.crc32(name.encode()) < SHARE_OF_FUNCTIONS * 2**32

    def _be_late(self, moment: Moment) -> None:
        counts = self._thread.counts
        if counts[moment] >= MOST_OF_A_FUNCTION or counts.total() >= MOST_OF_A_THREAD:
            return
        if self._draw.random() < SHARE_OF_CALLS:
            counts[moment] += 1
            self._pause(DELAY_S)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch."""
    parser.addoption(
        "--delay", metavar="KIND:SEED", help=f"make threads late: {', '.join(KINDS)}, and any number"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Delay every thread that is started from now on, and this one."""
    if config.getoption("--delay"):
        kind, _, seed = config.getoption("--delay").partition(":")
        delays = Delays(kind, seed)
        config.pluginmanager.register(_EachTest(delays))
        threading.setprofile(delays)
        sys.setprofile(delays)


class _EachTest:
    def __init__(self, delays: Delays) -> None:
        self._delays = delays

    def pytest_runtest_setup(self) -> None:
        self._delays.forget()

    def pytest_unconfigure(self) -> None:
        # What is called while the interpreter ends finds nothing of this module any more.
        threading.setprofile(None)
        sys.setprofile(None)
