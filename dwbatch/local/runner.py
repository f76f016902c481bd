"""The daemon that answers rows: takes them up in order, stores each end exactly once."""

import contextlib
import itertools
import logging
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from dwbatch.local.claims import Claim, Finish
from dwbatch.local.crew import Crew
from dwbatch.local.ids import RowIds
from dwbatch.local.retrying import Later
from dwbatch.local.rows import owed, save
from dwbatch.local.slabs import Lookup
from dwbatch.local.store import Store
from dwbatch.local.upstream import Upstream

logger = logging.getLogger(__name__)

# Instant answers are stored so many in one transaction: large enough that
# SQLite is no brake, small enough that counts are seen to grow.
SLICE = 1000


@dataclass(slots=True, eq=False)
class _Running:
    """A batch under way: which of its lines are still owed."""

    batch: int
    epoch: int
    first_request: int
    window: str
    deadline: float | None
    ids: RowIds
    owed: Iterator[int]
    requests: Lookup = field(default_factory=Lookup)
    in_flight: set[int] = field(default_factory=set)
    is_exhausted: bool = False


class Runner:
    """One thread that claims and stores, and a pool that answers.

    Parameters
    ----------
    store : Store
        Where requests come from and results go.
    upstream : Upstream
        What answers.
    concurrency : int
        Most requests upstream at one time.

    Attributes
    ----------
    settled : int
        Calls of the model that have ended since the start, those that a cancel made worthless included.
    """

    def __init__(self, store: Store, upstream: Upstream, concurrency: int) -> None:
        self._store = store
        self._upstream = upstream
        self._concurrency = concurrency
        self._crew: Crew[Claim] = Crew(concurrency, self._answer)
        self._news: queue.SimpleQueue[Finish | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: deque[_Running] = deque()
        self._running: dict[int, _Running] = {}
        self._epochs = itertools.count()
        self._later: Later[Claim] = Later()
        self._in_flight = 0
        self._is_stopping = False
        self._stored = threading.Condition()
        self.settled = 0
        self._thread = threading.Thread(target=self._run, name="dwbatch-local-runner", daemon=True)

    def start(self) -> None:
        """Take up what an earlier process left, and begin."""
        with self._store.reading() as db:
            left = db.execute(
                "SELECT seq FROM batch WHERE in_progress_at IS NOT NULL AND cancelling_at IS NULL "
                "AND expired_at IS NULL AND NOT is_deleted AND completed + failed < total ORDER BY seq"
            ).fetchall()
        for (batch,) in left:
            self.run(batch)
        self._thread.start()

    def stop(self) -> None:
        """End every thread; rows in flight are taken up again by the next start."""
        self._is_stopping = True
        self._news.put(None)
        self._upstream.stop()
        self._thread.join()
        self._crew.stop()

    def run(self, batch: int) -> None:
        """Answer every row of a batch that has no result yet, and is not being answered."""
        with self._lock, self._store.reading() as db:
            row = db.execute("SELECT * FROM batch WHERE seq = ?", (batch,)).fetchone()
            # A batch that is running keeps its epoch, so that answers on their
            # way still count and no row is bought twice; after a drop a new one
            # makes them arrive in vain.
            running = self._running.get(batch) or _Running(
                batch,
                next(self._epochs),
                row["first_request"],
                row["completion_window"],
                row["expires_at"],
                RowIds(row["id"]),
                iter(()),
            )
            running.owed = owed(db, row, running.in_flight)
            running.is_exhausted = False
            self._running[batch] = running
            if running not in self._waiting:
                self._waiting.append(running)
        self._news.put(None)

    def drop(self, batch: int) -> None:
        """Answer no more rows of a batch; answers under way are thrown away."""
        with self._lock:
            running = self._running.pop(batch, None)
            if running is not None and running in self._waiting:
                self._waiting.remove(running)

    @property
    def is_busy(self) -> bool:
        """Whether any row waits or is being answered."""
        with self._lock:
            return bool(self._running)

    def wait_until(self, check: Callable[[], bool], timeout_s: float) -> bool:
        """Whether `check` came true in time; it is asked again whenever results were stored."""
        with self._stored:
            return self._stored.wait_for(check, timeout_s)

    def in_flight(self, batch: int) -> frozenset[int]:
        """Lines of a batch that are upstream at this moment."""
        with self._lock:
            running = self._running.get(batch)
            return frozenset(running.in_flight) if running else frozenset()

    def _run(self) -> None:
        while not self._is_stopping:
            finished = self._answer_slice() if self._upstream.is_instant else self._collect()
            if finished:
                self._save(finished)

    def _answer_slice(self) -> list[Finish]:
        claims = self._claim(SLICE)
        if not claims:
            self._news.get()
        return self._upstream.call_all(claims)

    def _collect(self) -> list[Finish]:
        for claim in self._claim(self._concurrency - self._in_flight):
            self._in_flight += 1
            self._crew.hand_in(claim)
        news = self._wait_for_news()
        self._in_flight -= len(news)
        for one in news:
            if one.again_in_s is not None:
                self._later.add(one.claim, one.again_in_s)
        return [one for one in news if one.again_in_s is None]

    def _wait_for_news(self) -> list[Finish]:
        """What has ended since the last look: at least one row, unless there is other reason to go on."""
        news: list[Finish | None] = []
        with contextlib.suppress(queue.Empty):
            news.append(self._news.get(timeout=self._later.next_s()))
            while len(news) < SLICE:
                news.append(self._news.get_nowait())
        return [one for one in news if one is not None]

    def _answer(self, claim: Claim) -> None:
        if not self._is_stopping:
            self._news.put(self._upstream.call(claim))

    def _claim(self, wanted: int) -> list[Claim]:
        again = list(itertools.islice(iter(self._later.due, None), max(0, wanted)))
        with self._lock:
            claims = [replace(claim, attempt=claim.attempt + 1) for claim in again if self._is_alive(claim)]
            taken: dict[_Running, list[int]] = {}
            left = wanted - len(claims)
            while self._waiting and left > 0:
                running = self._waiting[0]
                line = next(running.owed, None)
                if line is None:
                    running.is_exhausted = True
                    self._waiting.popleft()
                    self._forget_if_over(running)
                    continue
                running.in_flight.add(line)
                taken.setdefault(running, []).append(line)
                left -= 1
        if taken:
            with self._store.reading() as db:
                claims += [claim for running, lines in taken.items() for claim in _load(db, running, lines)]
        return claims

    def _save(self, finished: list[Finish]) -> None:
        # The lock is held beyond the transaction, so that a cancel falls wholly
        # before or wholly after these results. Nobody may wait for this lock
        # while writing to the store.
        with self._lock:
            alive = [one for one in finished if self._is_alive(one.claim)]
            with self._store.writing() as db:
                save(db, alive)
            for one in alive:
                running = self._running[one.claim.batch]
                running.in_flight.discard(one.claim.line)
            for batch in {one.claim.batch for one in alive}:
                self._forget_if_over(self._running[batch])
        with self._stored:
            self.settled += len(finished)
            self._stored.notify_all()

    def _is_alive(self, claim: Claim) -> bool:
        running = self._running.get(claim.batch)
        return running is not None and running.epoch == claim.epoch

    def _forget_if_over(self, running: _Running) -> None:
        if running.is_exhausted and not running.in_flight:
            self._running.pop(running.batch, None)


def _load(db: sqlite3.Connection, running: _Running, lines: list[int]) -> Iterator[Claim]:
    for line in lines:
        asked = running.requests.request(db, running.first_request + line)
        yield Claim(
            running.batch,
            running.epoch,
            line,
            running.ids.of(line),
            asked.custom_id,
            asked.url,
            running.window,
            bytes(asked.body),
            running.deadline,
        )
