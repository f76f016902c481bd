"""Time, as something that a test can stand in for."""

import datetime as dt
import os
import threading
import time
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

DEAF_S = 0.5


class Clock:
    """The real time."""

    def now(self) -> dt.datetime:
        """The moment, UTC."""
        return dt.datetime.now(dt.UTC)

    def monotonic(self) -> float:
        """Seconds from some fixed point; never goes back."""
        return time.monotonic()

    def pause(self, seconds: float, stopping: threading.Event) -> None:
        """Wait, unless the call is being stopped."""
        stopping.wait(seconds)

    def wait_for(self, running: Collection[Future[T]], seconds: float) -> None:
        """Wait until one of the running steps ends, at most so many seconds."""
        if running:
            # Windows does not wake a thread that waits for others to tell it of Ctrl-C.
            longest_s = DEAF_S if os.name == "nt" else seconds
            wait(running, timeout=min(seconds, longest_s), return_when=FIRST_COMPLETED)
        else:
            time.sleep(seconds)

    def wait_for_all(self, running: Collection[Future[T]], seconds: float) -> None:
        """Wait until all running steps have ended, at most so many seconds."""
        wait(running, timeout=seconds)


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient the engine is. All in seconds.

    Parameters
    ----------
    first_poll_s, slowest_poll_s : float
        Polling starts at the one and grows to the other.
    poll_s : float or None
        A constant interval instead, if the user gave one.
    grace_s : float
        How long an unclear ``POST /batches`` may still turn up in a look-up. A server drops the
        work when its client goes, but a proxy in front of it may finish it later.
    settle_s : float
        Between two reads of a batch that has rows without a line.
    unclear_posts : int
        After so many unclear answers to ``POST /batches`` the shard waits for a person.
    stuck_cancelling_s : float
        A batch cancelled before it began says ``cancelling`` for ever; after this long it is over.
    denials : int
    denial_s : float
        So many 404 over so long mean that a batch is gone; one alone may be a replica that lags.
    """

    first_poll_s: float = 1.0
    slowest_poll_s: float = 45.0
    poll_s: float | None = None
    grace_s: float = 60.0
    settle_s: float = 60.0
    unclear_posts: int = 3
    stuck_cancelling_s: float = 600.0
    denials: int = 3
    denial_s: float = 600.0

    def poll_after(self, elapsed_s: float, jitter: float) -> float:
        """Seconds until the next look at the batches.

        Parameters
        ----------
        elapsed_s : float
            Since the polling began.
        jitter : float
            Between 0 and 1, drawn anew each time, so that many clients do not ask in step.
        """
        if self.poll_s is not None:
            return self.poll_s
        return min(self.slowest_poll_s, max(self.first_poll_s, elapsed_s / 10)) * (0.8 + 0.4 * jitter)
