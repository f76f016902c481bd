"""The last seconds of a call that is being stopped: what is on its way may come in, what hangs is cut off."""

from collections.abc import Collection
from concurrent.futures import Future
from typing import TypeVar

from dwbatch.engine.desk import Desk

T = TypeVar("T")

# Somebody who pressed Ctrl-C presses it again after ten seconds, and then kills the process.
LAST_REPLIES_S = 3.0
LAST_THREADS_S = 2.0


def leave(running: Collection[Future[T]], desk: Desk) -> None:
    """Bring running steps to their end, soon.

    Uploads and downloads stop at their next block. A reply that is on its way has three seconds,
    since it may say what was bought; then its connection is cut, and what was asked for stays
    unclear, as after any lost reply.

    Raises
    ------
    KeyboardInterrupt
        At a second Ctrl-C; everything is cut off then too.
    """
    desk.stopping.set()
    try:
        desk.clock.wait_for_all(running, LAST_REPLIES_S)
    finally:
        if not all(future.done() for future in running):
            desk.client.hang_up()
            desk.clock.wait_for_all(running, LAST_THREADS_S)
