"""When the server asks a model again, which its clients never see."""

import heapq
import itertools
import time
from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Waits that double up to a bound, until the batch's deadline; the real server's defaults.

    Parameters
    ----------
    first_s : float
        Wait before the second attempt, in seconds.
    longest_s : float
        Longest wait.
    most : int
        Most attempts after the first.
    stop_before_deadline_s : float
        Seconds before the deadline from which a failure is final.
    """

    first_s: float = 1.0
    longest_s: float = 10.0
    most: int = 1000
    stop_before_deadline_s: float = 900.0

    def wait_s(self, attempt: int, *, deadline: float | None) -> float | None:
        """Seconds until a row is tried again, or None if its failure is final.

        Parameters
        ----------
        attempt : int
            The one that failed, counted from 0.
        deadline : float, optional
            Unix time at which the batch is due.
        """
        is_late = deadline is not None and time.time() >= deadline - self.stop_before_deadline_s
        if attempt >= self.most or is_late:
            return None
        # The exponent is bounded, or the thousandth wait would not fit a float.
        return min(self.longest_s, self.first_s * 2.0 ** min(attempt, 60))


class Later(Generic[R]):
    """Things that wait until their time has come; for one thread."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, R]] = []
        self._numbers = itertools.count()

    def add(self, one: R, wait_s: float) -> None:
        """Put something away for so many seconds."""
        heapq.heappush(self._heap, (time.monotonic() + wait_s, next(self._numbers), one))

    def due(self) -> R | None:
        """Something whose time has come, or None."""
        if self._heap and self._heap[0][0] <= time.monotonic():
            return heapq.heappop(self._heap)[2]
        return None

    def next_s(self) -> float | None:
        """Seconds until the next is due, or None if nothing waits."""
        return max(0.0, self._heap[0][0] - time.monotonic()) if self._heap else None
