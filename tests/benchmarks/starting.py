"""What importing the library adds to importing pandas, and the first call to both."""

import resource
import subprocess
import sys

from tests.benchmarks.measure import Measured


def pandas() -> Measured:
    """The interpreter and pandas."""
    return _timed("import pandas")


def ours() -> Measured:
    """The same, and dwbatch."""
    return _timed("import pandas, dwbatch")


def a_call() -> Measured:
    """The same, and what the first call loads."""
    return _timed("import pandas, dwbatch; dwbatch.run")


def _timed(code: str) -> Measured:
    before = _children_s()
    subprocess.run([sys.executable, "-c", code], check=True)
    return Measured(cpu_s=_children_s() - before)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
