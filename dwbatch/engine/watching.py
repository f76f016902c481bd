"""Who is shown how far a call is."""

from collections.abc import Collection
from typing import Protocol

from dwbatch.checkpoint.shard import Shard


class Watcher(Protocol):
    """Whoever shows how far the shards are."""

    def show(self, shards: Collection[Shard], waiting_for: str | None) -> None:
        """Called whenever something changed."""
        ...
