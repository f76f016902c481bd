"""Waiting for what other threads and processes are about to do."""

import threading
from collections.abc import Callable

LONGEST_S = 60.0


def until(is_so: Callable[[], object]) -> None:
    """Wait for something that is going to happen."""
    patience = threading.Event()
    for _ in range(int(LONGEST_S / 0.02)):
        if is_so():
            return
        patience.wait(0.02)
    raise AssertionError("it has not happened")
