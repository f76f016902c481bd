"""A few quick tries for calls that may be repeated; patience for hours lives above."""

import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import urllib3
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import MaxRetryError, ResponseError
from urllib3.response import BaseHTTPResponse

from dwbatch.wire.replies import retry_after

# For calls that buy or store: whatever happens, one attempt is one attempt.
ONCE = urllib3.Retry(0)

TRIES = 4
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0

# What a server or a proxy in front of it says when the next try may go well.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, *range(520, 528), 530})


class Patience(urllib3.Retry):
    """Try a repeatable call a few times, waiting a little longer each time.

    A reply that asks for a longer wait than `LONGEST_WAIT_S` is handed up at once instead: whoever
    waits for hours also has other batches to look after meanwhile.

    Parameters
    ----------
    pause : callable of float
        Waits so many seconds; it may raise to end the call.
    **retry
        As for `urllib3.Retry`.
    """

    def __init__(self, *, pause: Callable[[float], None], **retry: Any) -> None:
        super().__init__(**retry)
        self.pause = pause

    @classmethod
    def of_a_few_tries(cls, *, pause: Callable[[float], None], refused_is_final: bool = False) -> Self:
        """The policy for GET, and for POSTs that do no harm when they arrive twice.

        Parameters
        ----------
        pause : callable of float
            Waits so many seconds.
        refused_is_final : bool
            Whether a connection that cannot be made ends the call at once.
        """
        return cls(
            pause=pause,
            total=TRIES - 1,
            connect=0 if refused_is_final else None,
            redirect=False,
            allowed_methods=None,
            status_forcelist=_PASSING,
            raise_on_status=False,
            respect_retry_after_header=False,
        )

    def new(self, **changed: Any) -> Self:
        """A copy with some settings changed, as urllib3 makes one at each try."""
        return super().new(pause=self.pause, **changed)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        """The policy for the next try; raises when there shall be none."""
        if response is not None and (_asked_wait(response) or 0.0) > LONGEST_WAIT_S and _pool is not None:
            raise MaxRetryError(_pool, url or "", ResponseError("the server asks for a longer wait"))
        return super().increment(method, url, response, error, _pool, _stacktrace)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        """Wait before the next try: as long as the server asks, else longer each time."""
        asked = None if response is None else _asked_wait(response)
        self.pause(self.get_backoff_time() if asked is None else asked)

    def get_backoff_time(self) -> float:
        """Seconds before the next try, never more than `LONGEST_WAIT_S`."""
        longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** len(self.history))
        # Spread out, so that many clients of one broken server do not return in step.
        return random.uniform(longest / 2, longest)  # noqa: S311 - jitter is no secret


def _asked_wait(response: BaseHTTPResponse) -> float | None:
    return retry_after(response.headers, b"", time.time())
