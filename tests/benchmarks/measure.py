"""One case in a process of its own: seconds, CPU seconds and peak memory beyond what it began with."""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Self

ROOT = Path(__file__).parents[2]
# ru_maxrss is in KiB, except on macOS, where it is in bytes.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024

LEAST_PEAK = 100_000


@dataclass(slots=True)
class Measured:
    """What a case told of itself.

    Parameters
    ----------
    wall_s, cpu_s : float
    peak_mb : float
        Resident memory at its highest, less what was resident before.
    told : dict
        Whatever else the case says: bytes, seconds of a part of it.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    told: dict[str, float] = field(default_factory=dict)


@contextmanager
def measuring() -> Iterator[Measured]:
    """Measure a block."""
    found = Measured()
    before = resident()
    with _Highest() as highest:
        wall, cpu = time.perf_counter(), time.process_time()
        yield found
        found.wall_s, found.cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    # A case that takes less than this is not told from one that takes nothing.
    found.peak_mb = max(LEAST_PEAK, highest.bytes - before) / 1e6


class _Highest:
    """The highest resident memory of a while.

    Where the system counts it only since the process began, what came before the while hides it, so
    it is looked at every few milliseconds.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._is_over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._is_over.wait(0.005):
            self.bytes = max(self.bytes, resident())

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watch.join()
        self.bytes = max(self.bytes, resident())


def resident() -> int:
    """Bytes that this process has in memory; where nothing tells, the most it ever had."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def run_alone(name: str, **options: Any) -> Measured:
    """Run a case in a fresh process.

    Parameters
    ----------
    name : str
        ``module.function`` below `tests.benchmarks`.
    options
        Its keywords; JSON.
    """
    command = [sys.executable, "-m", "tests.benchmarks.alone", name, json.dumps(options)]
    # Compiled modules are kept, as nearly everywhere: to compile pandas anew takes four times as long as to load it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


@dataclass(frozen=True, slots=True)
class Rounds:
    """Several measurements of one case."""

    each: tuple[Measured, ...]

    def of(self, name: str) -> float:
        """The median of a figure."""
        return median(self._all(name))

    def spread(self, name: str) -> float:
        """How far the figure ranges, as a part of its median."""
        values = self._all(name)
        middle = median(values)
        return (max(values) - min(values)) / middle if middle else 0.0

    def _all(self, name: str) -> list[float]:
        return [getattr(one, name) if hasattr(one, name) else one.told.get(name, 0.0) for one in self.each]


def interleaved(cases: dict[str, tuple[str, dict[str, Any]]], rounds: int) -> dict[str, Rounds]:
    """Run each case once a round, so that a slow minute falls on all of them."""
    found: dict[str, list[Measured]] = {label: [] for label in cases}
    for _ in range(rounds):
        for label, (name, options) in cases.items():
            found[label].append(run_alone(name, **options))
    return {label: Rounds(tuple(each)) for label, each in found.items()}
