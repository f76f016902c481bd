"""How far a call is, as one line on stderr."""

import sys
from collections.abc import Collection

from tqdm import tqdm

from dwbatch.checkpoint.shard import Shard, State


class _Bar(tqdm):  # type: ignore[type-arg] # generic to type checkers alone
    """A bar without the thread that watches all bars and outlives the call."""

    monitor_interval = 0


class Progress:
    """One bar over all batches of a call: done, failed, total.

    Parameters
    ----------
    is_shown : bool

    Notes
    -----
    No rate and no time left: a server of this kind works in bursts, and both would lie. Plain
    tqdm, because its notebook variant needs ipywidgets.
    """

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._bar: _Bar | None = None
        self._shown: tuple[int, str] | None = None

    def show(self, shards: Collection[Shard], waiting_for: str | None) -> None:
        """Bring the line up to date; counts may go backwards."""
        if not self._is_shown or not shards:
            return
        total = sum(shard.requests for shard in shards)
        if self._bar is None:
            self._bar = _Bar(
                total=total,
                desc="dwbatch",
                unit="request",
                file=sys.stderr,
                bar_format="{desc}: {percentage:3.0f}%|{bar:30}| {n_fmt}/{total_fmt}{postfix}",
            )
        ended, state = sum(_ended(shard) for shard in shards), self._state(shards, waiting_for)
        # In a log each refresh is a line of its own, so only news is shown.
        if (ended, state) == self._shown:
            return
        self._shown = ended, state
        self._bar.total, self._bar.n = total, ended
        self._bar.set_postfix_str(state, refresh=False)
        self._bar.refresh()

    def say(self, sentence: str) -> None:
        """Print a sentence on a line of its own."""
        if self._is_shown:
            tqdm.write(sentence, file=sys.stderr)

    def close(self) -> None:
        """Leave the line as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    @staticmethod
    def _state(shards: Collection[Shard], waiting_for: str | None) -> str:
        failed = sum(shard.failed for shard in shards)
        over = sum(shard.state in {State.FETCHED, State.DROPPED, State.GONE} for shard in shards)
        parts = [f"{over}/{len(shards)} batches"]
        if failed:
            parts.insert(0, f"{failed} failed")
        if waiting_for:
            parts.append(waiting_for if len(waiting_for) <= 120 else f"{waiting_for[:119]}…")  # noqa: PLR2004 - a line's worth
        return ", ".join(parts)


def _ended(shard: Shard) -> int:
    if shard.state is State.FETCHED:
        return shard.requests
    return min(shard.requests, shard.completed + shard.failed)
