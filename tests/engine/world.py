"""A world in which a job can crash at any effect: a counting disk, a counting wire, a clock without waiting."""

import datetime as dt
import threading
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import pandas as pd
import requests
from requests.adapters import HTTPAdapter

from dwbatch.call import prepare
from dwbatch.checkpoint.disk import Disk
from dwbatch.engine.clock import Clock, Pace
from dwbatch.given import read_options
from dwbatch.local import Server
from dwbatch.sending import Means, carry_out

T = TypeVar("T")


class Crash(BaseException):
    """The process is dead. Not an Exception, so that nothing in the library catches it."""


class Effects:
    """Counts effects, keeps their trace, and crashes at one of them.

    Parameters
    ----------
    crash_before : int or None
        Number of the effect, from 0, that is not done any more.
    """

    def __init__(self, crash_before: int | None = None) -> None:
        self.crash_before = crash_before
        self.trace: list[str] = []
        self._lock = threading.Lock()

    def happen(self, what: str) -> None:
        """Count an effect; from the crash on, none happens."""
        with self._lock:
            if self.crash_before is not None and len(self.trace) >= self.crash_before:
                raise Crash(what)
            self.trace.append(what)


class CountedDisk(Disk):
    def __init__(self, effects: Effects) -> None:
        self.effects = effects

    def make_folder(self, path: Path) -> None:
        self.effects.happen(f"make {path.name}")
        super().make_folder(path)

    def write(self, path: Path, fill: Callable[[BinaryIO], None]) -> None:
        self.effects.happen(f"write {path.name}")
        super().write(path, fill)
        self.effects.happen(f"synced {path.name}")

    def spill(self, path: Path, fill: Callable[[BinaryIO], None]) -> None:
        self.effects.happen(f"spill {path.name}")
        super().spill(path, fill)

    def rename(self, old: Path, new: Path) -> None:
        self.effects.happen(f"rename {old.name} {new.name}")
        super().rename(old, new)

    def sync_folder(self, path: Path) -> None:
        self.effects.happen(f"sync {path.name}/")
        super().sync_folder(path)

    def remove(self, path: Path) -> None:
        self.effects.happen(f"remove {path.name}")
        super().remove(path)


class CountedAdapter(HTTPAdapter):
    """Counts each exchange twice: before it is made, and before its reply is read by anyone."""

    def __init__(self, effects: Effects) -> None:
        super().__init__()
        self.effects = effects

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override] # passed on as it came
        name = f"{request.method} {request.path_url.split('?')[0]}"
        self.effects.happen(name)
        response = super().send(request, **options)
        self.effects.happen(f"reply to {name}")
        return response


class StillClock(Clock):
    """Time that passes only by waiting, and at once.

    Parameters
    ----------
    meanwhile : callable
        What happens in the world while the engine waits.
    """

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.elapsed = 0.0
        self.meanwhile = meanwhile

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def pause(self, seconds: float, stopping: threading.Event) -> None:  # noqa: ARG002 - nothing is ever waited for here
        self.elapsed += seconds

    def wait_for(self, running: Collection[Future[T]], seconds: float) -> None:
        if running:
            wait(running, return_when=FIRST_COMPLETED)
        else:
            self.elapsed += seconds
            self.meanwhile()


def until_idle(server: Server) -> Callable[[], None]:
    """Wait, outside the counted wire, until the server has no batch under way."""

    def meanwhile() -> None:
        while True:
            listed = requests.get(f"{server.base_url}/batches", params={"limit": 100}, timeout=60).json()[
                "data"
            ]
            running = [
                batch["id"]
                for batch in listed
                if batch["status"] in {"validating", "in_progress", "finalizing"}
            ]
            if not running:
                return
            for batch_id in running:
                requests.get(f"{server.base_url}/batches/{batch_id}", timeout=60)

    return meanwhile


def counted(server: Server, effects: Effects, **options: Any) -> tuple[dict[str, Any], Means]:
    """Options and means of a call in the counted world, with one worker, so that effects come in one order."""
    session = requests.Session()
    session.mount("http://", CountedAdapter(effects))
    given = {
        "model": "echo",
        "base_url": server.base_url,
        "max_requests_per_batch": 1,
        "progress": False,
        "session": session,
        **options,
    }
    clock = StillClock(until_idle(server))
    return given, Means(clock=clock, pace=Pace(), disk=CountedDisk(effects), workers=1)


def run(
    frame: pd.DataFrame, server: Server, effects: Effects, *, prompt: str = "Say {text}", **options: Any
) -> pd.DataFrame:
    """One call in the counted world."""
    given, means = counted(server, effects, **options)
    out, _ = carry_out(prepare(frame, prompt, read_options(given, call="run")), means)
    return out
