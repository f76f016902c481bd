"""What importing the library adds to importing pandas."""

import subprocess
import sys
import time

from tests.benchmarks.measure import Measured


def pandas() -> Measured:
    """The interpreter and pandas."""
    return _timed("import pandas")


def ours() -> Measured:
    """The same, and dwbatch."""
    return _timed("import pandas, dwbatch")


def _timed(code: str) -> Measured:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return Measured(wall_s=time.perf_counter() - start)
