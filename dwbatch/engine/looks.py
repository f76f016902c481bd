"""When a call looks at its batches: quickly at first, then ever more slowly, all of them together."""

import random

from dwbatch.engine.clock import Pace


class Looks:
    """The moment of the next look, on the monotonic clock.

    Parameters
    ----------
    pace : Pace
    now : float
        On the monotonic clock; what was bought before is looked at at once.

    Notes
    -----
    One moment for all batches, so that one list call shows many. Only a batch that is asked to wait
    longer has a moment of its own, its memory's `due`.
    """

    def __init__(self, pace: Pace, now: float) -> None:
        self.next = now
        self._pace = pace
        self._since = now

    def begin(self, now: float, *, is_first: bool) -> None:
        """Plan the look at a batch that was just bought.

        Parameters
        ----------
        now : float
        is_first : bool
            Whether no other batch waits for a look. Else a call that buys for hours, one batch after
            another, would put off looking for as long.
        """
        self._since = now
        soon = now + self._wait_s(now)
        self.next = soon if is_first else min(self.next, soon)

    def over(self, now: float) -> None:
        """Plan the next look after one that was just taken."""
        self.next = now + self._wait_s(now)

    def _wait_s(self, now: float) -> float:
        return self._pace.poll_after(now - self._since, random.random())  # noqa: S311 - jitter, not a secret
