"""What every step needs at hand, and what a step hands back."""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard
from dwbatch.columns import Kind
from dwbatch.engine.again import Judge
from dwbatch.engine.budget import Budget
from dwbatch.engine.clock import Clock, Pace
from dwbatch.engine.price import Price
from dwbatch.engine.source import Source
from dwbatch.wire.client import Client

LONGEST_BACKOFF_S = 60.0
LONGEST_ASKED_S = 300.0


@dataclass(frozen=True, slots=True)
class Order:
    """With what a call sends.

    Parameters
    ----------
    job : str
        Id of this call.
    name : str
        The job's name, in file names.
    server, recipe, endpoint, completion_window, edition : str
    account : str or None
        Fingerprint of the key.
    metadata : mapping of str to str
        The user's own.
    kinds : frozenset of Kind
        Which rows that are not ok are sent again.
    judge : Judge or None
        Holds answers to what the caller asked for, see `dwbatch.engine.again.judged`.
    groups : np.ndarray of int64, shape (n_rows,), or None
        Rows of different groups go into different files; None lets all go together.
    """

    job: str
    name: str
    server: str
    recipe: str
    endpoint: str
    completion_window: str
    edition: str = ""
    account: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    kinds: frozenset[Kind] = frozenset({Kind.TRANSIENT})
    judge: Judge | None = None
    groups: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a shard may be: as given, then as the server teaches."""

    max_requests: int
    max_bytes: int

    def at_most(self, other: "Limits") -> "Limits":
        """The narrower of two limits."""
        return Limits(min(self.max_requests, other.max_requests), min(self.max_bytes, other.max_bytes))


@dataclass(slots=True)
class Memory:
    """What this process, and only it, knows of a shard: never needed to resume.

    Parameters
    ----------
    due : float
        When its next step is due, on the monotonic clock.
    is_settled : bool
        This call can do no more for it.
    may_be_up : bool
        An earlier upload may have reached the server without our knowing.
    must_look_up : bool
        An earlier ``POST /batches`` may have.
    unclear_since : float or None
        When the attempt in question ended, on the monotonic clock.
    unclear_posts : int
        Attempts at ``POST /batches`` whose outcome was unclear.
    resets : int
        Uploads that broke off in the middle.
    has_lost_file : bool
        The server has forgotten its file once.
    denials : int
        Looks at its batch, or reads of its files, that were answered with 404 in a row.
    denied_since : float or None
        When the first of them was.
    failures : int
        Failed tries in a row, for the backoff.
    failing_since : float
        When the first of them ended, on the monotonic clock.
    last_look : tuple of (float, int) or None
        When the result files were last read, and how many rows had a line.
    """

    due: float = 0.0
    is_settled: bool = False
    may_be_up: bool = False
    must_look_up: bool = False
    unclear_since: float | None = None
    unclear_posts: int = 0
    resets: int = 0
    has_lost_file: bool = False
    denials: int = 0
    denied_since: float | None = None
    failures: int = 0
    failing_since: float = 0.0
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
    must_replan : bool
        Some of its requests want a new shard.
    lesson : Limits or None
        What the server said it takes.
    fault : Exception or None
        What stops the call, once this outcome is recorded.
    waiting_for : str or None
        Why it waits, for the progress line.
    price : Price or None
        What the server wants for it.
    """

    shard: Shard
    again_in_s: float = 0.0
    is_settled: bool = False
    must_replan: bool = False
    lesson: Limits | None = None
    fault: Exception | None = None
    waiting_for: str | None = None
    price: Price | None = None


@dataclass(slots=True)
class Tally:
    """What a call has done so far.

    Parameters
    ----------
    ended : set of int
        Numbers of the shards that came to their end during this call.
    sent : int
        Distinct requests sent for the first time.
    resent : set of bytes
        Keys of requests sent again: each at most once a call.
    too_large : set of bytes
        Keys of requests that no file of this server can hold.
    refusals : int
        Shards that went up again without a row that the server refused.
    has_looked : bool
        Whether the account was looked at.
    """

    ended: set[int] = field(default_factory=set)
    sent: int = 0
    resent: set[bytes] = field(default_factory=set)
    too_large: set[bytes] = field(default_factory=set)
    refusals: int = 0
    has_looked: bool = False


class Porter(Protocol):
    """Whoever has steps taken elsewhere, where the rows are; what spends money is done here all the same."""

    def take(self, step: "Callable[[Shard, Desk], Outcome]", shard: Shard, desk: "Desk") -> Outcome:
        """Have a step taken, here or elsewhere, and wait for what it makes of the shard."""
        ...


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
    limits : Limits
    clock : Clock
    pace : Pace
    stopping : threading.Event
        Set when the call is being stopped; a long step looks at it.
    tally : Tally
    say : callable
        Tells the person who waits.
    workers : int
        Steps at one time: one a shard, so that an upload never stalls polling; few, so that memory
        stays small.
    most_active : int or None
        Most shards between upload and fetch.
    porter : Porter or None
        Has steps taken elsewhere; None where all are taken here.
    budget : Budget or None
        What the call may spend; None where nobody set a limit.
    building : threading.Lock
        Held while a request file is written: one at a time keeps the line busy, and needs the memory of one.
    """

    checkpoint: Checkpoint
    client: Client
    source: Source | None
    order: Order
    limits: Limits
    clock: Clock
    pace: Pace
    stopping: threading.Event
    tally: Tally
    say: Callable[[str], None]
    workers: int = 4
    most_active: int | None = None
    porter: Porter | None = None
    budget: Budget | None = None
    building: threading.Lock = field(default_factory=threading.Lock)
    memories: dict[int, Memory] = field(default_factory=dict)

    def memory(self, shard: Shard) -> Memory:
        """What this process remembers of a shard."""
        # Asked for every shard at every turn of the loop, so none is made to be thrown away.
        known = self.memories.get(shard.number)
        return known if known is not None else self.memories.setdefault(shard.number, Memory())

    def learn(self, lesson: Limits) -> None:
        """Cut smaller from now on, and say so."""
        narrower = self.limits.at_most(lesson)
        if narrower != self.limits:
            self.limits = narrower
            self.say(
                f"The server takes at most {narrower.max_requests:,} requests and {narrower.max_bytes:,} bytes a file; "
                "the shards are cut smaller from here on."
            )

    def backoff(
        self, shard: Shard, asked_s: float | None = None, *, longest_s: float = LONGEST_BACKOFF_S
    ) -> float:
        """Seconds until a failed step is tried again: longer each time, jittered, never absurd.

        Parameters
        ----------
        shard : Shard
        asked_s : float, optional
            What the server asked for, obeyed up to five minutes.
        longest_s : float
            The longest wait of our own.
        """
        memory = self.memory(shard)
        if not memory.failures:
            memory.failing_since = self.clock.monotonic()
        memory.failures += 1
        own = min(longest_s, 2.0 ** min(memory.failures - 1, 10)) * (0.5 + random.random() / 2)  # noqa: S311 - jitter, not a secret
        return max(own, min(asked_s or 0.0, LONGEST_ASKED_S))

    def renamed(self, shard: Shard) -> Shard:
        """The shard as this call sends it: under its job, window and account."""
        order = self.order
        return replace(shard, job=order.job, completion_window=order.completion_window, account=order.account)
