"""What every step needs at hand, and what a step hands back."""

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard
from dwbatch.engine.clock import Clock, Pace
from dwbatch.engine.source import Source
from dwbatch.wire.client import Client

LONGEST_BACKOFF_S = 60.0


@dataclass(frozen=True, slots=True)
class Order:
    """With what a call sends.

    Parameters
    ----------
    job : str
        Id of this call.
    name : str
        The job's name, in file names.
    server, recipe, endpoint, completion_window : str
    account : str or None
        Fingerprint of the key.
    metadata : mapping of str to str
        The user's own.
    """

    job: str
    name: str
    server: str
    recipe: str
    endpoint: str
    completion_window: str
    account: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Memory:
    """What this process, and only it, knows of a shard: never needed to resume.

    Parameters
    ----------
    may_be_up : bool
        An earlier upload may have reached the server without our knowing.
    must_look_up : bool
        An earlier ``POST /batches`` may have.
    unclear_since : float or None
        When the attempt in question ended, on the monotonic clock.
    unclear_posts : int
        Attempts at ``POST /batches`` whose outcome was unclear.
    failures : int
        Failed tries in a row, for the backoff.
    last_look : tuple of (float, int) or None
        When the result files were last read, and how many rows had a line.
    """

    may_be_up: bool = False
    must_look_up: bool = False
    unclear_since: float | None = None
    unclear_posts: int = 0
    failures: int = 0
    last_look: tuple[float, int] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step made of a shard.

    Parameters
    ----------
    shard : Shard
        As it is now; to be recorded before anything else is done with it.
    again_in_s : float
        When its next step is due.
    is_settled : bool
        This call can do no more for it.
    fault : Exception or None
        What stops the call, once this outcome is recorded.
    waiting_for : str or None
        Why it waits, for the progress line.
    """

    shard: Shard
    again_in_s: float = 0.0
    is_settled: bool = False
    fault: Exception | None = None
    waiting_for: str | None = None


@dataclass(slots=True)
class Desk:
    """The context of a call's steps.

    Parameters
    ----------
    checkpoint : Checkpoint
    client : Client
    source : Source or None
        None where a call only waits, and never builds a request.
    order : Order
    clock : Clock
    pace : Pace
    stopping : threading.Event
        Set when the call is being stopped; a long step looks at it.
    workers : int
        Steps at one time: one a shard, so that an upload never stalls polling; few, so that memory
        stays small.
    """

    checkpoint: Checkpoint
    client: Client
    source: Source | None
    order: Order
    clock: Clock
    pace: Pace
    stopping: threading.Event
    workers: int = 4
    memories: dict[int, Memory] = field(default_factory=dict)

    def memory(self, shard: Shard) -> Memory:
        """What this process remembers of a shard."""
        return self.memories.setdefault(shard.number, Memory())

    def backoff(self, shard: Shard, asked_s: float | None = None) -> float:
        """Seconds until a failed step is tried again: longer each time, jittered, never absurd.

        Parameters
        ----------
        shard : Shard
        asked_s : float, optional
            What the server asked for, obeyed up to five times the longest wait of our own.
        """
        memory = self.memory(shard)
        memory.failures += 1
        own = min(LONGEST_BACKOFF_S, 2.0 ** min(memory.failures - 1, 10)) * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret
        return max(own, min(asked_s or 0.0, 5 * LONGEST_BACKOFF_S))
