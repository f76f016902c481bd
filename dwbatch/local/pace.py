"""How long a model takes: latency, speed of writing, requests a second."""

import hashlib
import math
import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A model's speed, for rehearsing a job that will take hours.

    Parameters
    ----------
    latency_s : float
        Time before an answer begins, in seconds: the median, where times differ.
    spread : float
        How much times differ: the standard deviation of their logarithm. 0 makes all the same; at 0.5 one
        request in six takes more than 1.6 times as long. Drawn from the row, so that each run is alike.
    tokens_per_s : float, optional
        Speed at which an answer is written; None is at once.
    requests_per_s : float, optional
        Most requests taken up in a second, over all batches; None is no bound.

    Examples
    --------
    >>> Pace(latency_s=2, tokens_per_s=50).duration_s("any row", 100)
    4.0
    """

    latency_s: float = 0.0
    spread: float = 0.0
    tokens_per_s: float | None = None
    requests_per_s: float | None = None

    @property
    def is_instant(self) -> bool:
        """Whether nothing is to be waited for."""
        return not self.latency_s and self.tokens_per_s is None and self.requests_per_s is None

    def duration_s(self, row_id: str, tokens: int) -> float:
        """Time that one answer takes, in seconds."""
        writing_s = tokens / self.tokens_per_s if self.tokens_per_s else 0.0
        if not self.latency_s or not self.spread:
            return self.latency_s + writing_s
        return self.latency_s * math.exp(self.spread * _normal(row_id)) + writing_s


def _normal(row_id: str) -> float:
    """A number from the bell curve, the same for the same row."""
    digest = hashlib.blake2b(row_id.encode(), digest_size=16).digest()
    first, second = ((int.from_bytes(digest[part : part + 8]) + 1) / 2**64 for part in (0, 8))
    return math.sqrt(-2 * math.log(first)) * math.cos(2 * math.pi * second)


class Turnstile:
    """Lets so many through in a second, each at its own time.

    Parameters
    ----------
    per_s : float, optional
        How many; None lets all through at once.
    """

    def __init__(self, per_s: float | None) -> None:
        self._step_s = 1 / per_s if per_s else 0.0
        self._next = time.monotonic()
        self._lock = threading.Lock()

    def wait_s(self) -> float:
        """Seconds until the turn that is taken by asking."""
        if not self._step_s:
            return 0.0
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._step_s
            return turn - now
