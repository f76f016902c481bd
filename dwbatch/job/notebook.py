"""A card that keeps itself up to date while a notebook waits; nothing where there is no notebook."""

import importlib
import sys
from collections.abc import Callable, Collection
from typing import Any

from dwbatch.checkpoint.shard import Shard
from dwbatch.engine.clock import Clock

BETWEEN_S = 1.0


def in_notebook() -> bool:
    """Whether this runs in a notebook's kernel. IPython is looked for only where it runs already."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class CardWatcher:
    """Shows a card in place of a progress line.

    Parameters
    ----------
    draw : callable
        The card of some shards, as HTML.
    clock : Clock
    """

    def __init__(self, draw: Callable[[Collection[Shard]], str], clock: Clock) -> None:
        self._draw = draw
        self._clock = clock
        self._shown: Any = None
        self._last = 0.0

    def show(self, shards: Collection[Shard], waiting_for: str | None) -> None:  # noqa: ARG002 - the card says by itself what is overdue
        """Bring the card up to date, at most once a second."""
        now = self._clock.monotonic()
        if self._shown is None or now - self._last >= BETWEEN_S:
            self._last = now
            self.draw(shards)

    def draw(self, shards: Collection[Shard]) -> None:
        """Bring the card up to date at once."""
        display = importlib.import_module("IPython.display")
        card = display.HTML(self._draw(shards))
        if self._shown is None:
            self._shown = display.display(card, display_id=True)
        else:
            self._shown.update(card)
