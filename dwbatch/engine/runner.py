"""The loop that carries shards to their end: steps in a small pool, one writer, no thread left behind."""

import logging
import random
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.desk import Desk, Outcome
from dwbatch.engine.fetch import fetch
from dwbatch.engine.poll import poll
from dwbatch.engine.states import OVER, check_move
from dwbatch.engine.submit import intend, submit
from dwbatch.engine.upload import upload

logger = logging.getLogger(__name__)

Step = Callable[[Shard, Desk], Outcome]

# What was uploaded is bought before more is uploaded; what is over is fetched in between.
STEPS: dict[State, Step] = {State.SUBMITTING: submit, State.ENDED: fetch, State.PLANNED: upload}
ORDER = tuple(STEPS)
SPENDING = frozenset({State.PLANNED, State.UPLOADED, State.SUBMITTING})


class Watcher(Protocol):
    """Whoever shows how far the shards are."""

    def show(self, shards: Collection[Shard], waiting_for: str | None) -> None:
        """Called whenever something changed."""
        ...


class Runner:
    """Carries shards to their end.

    Parameters
    ----------
    desk : Desk
    shards : iterable of Shard
        Every shard of the checkpoint, since all of them are written together.
    active : collection of int
        Numbers of those to carry; the others are left as they stand.
    watcher : Watcher
    """

    def __init__(
        self, desk: Desk, shards: Iterable[Shard], active: Collection[int], watcher: Watcher
    ) -> None:
        self.desk = desk
        self.shards = {shard.number: shard for shard in shards}
        self.active = frozenset(active)
        self.watcher = watcher
        self._due = dict.fromkeys(self.active, 0.0)
        self._settled: set[int] = set()
        self._running: dict[Future[list[Outcome]], frozenset[int]] = {}
        self._faults: list[Exception] = []
        self._waiting_for: str | None = None
        self._next_poll = 0.0
        self._polling_since = desk.clock.monotonic()
        for number in self.active:
            # Left by another process: its POST may or may not have come through.
            if self.shards[number].state is State.SUBMITTING:
                desk.memory(self.shards[number]).must_look_up = True

    def carry(self, *, deadline: float | None = None) -> bool:
        """Carry every active shard as far as it goes.

        Parameters
        ----------
        deadline : float, optional
            On the monotonic clock.

        Returns
        -------
        bool
            False if the deadline came first. Then, as after any exception, everything that is
            known is on disk and the same call goes on from there.
        """
        with ThreadPoolExecutor(self.desk.workers, thread_name_prefix="dwbatch") as pool:
            try:
                while not self._is_over():
                    if deadline is not None and self.desk.clock.monotonic() >= deadline:
                        return False
                    self._start_due(pool)
                    self.desk.clock.wait_for(self._running, self._idle_s(deadline))
                    self._collect()
                if self._faults:
                    raise self._faults[0]
                return True
            finally:
                self._drain()

    def unsent(self) -> list[Shard]:
        """Active shards for which no purchase was begun."""
        return [shard for shard in self._carried() if shard.state in {State.PLANNED, State.UPLOADED}]

    def in_flight(self) -> list[Shard]:
        """Active shards that are bought and not over."""
        return [shard for shard in self._carried() if shard.state in {State.SUBMITTING, State.SUBMITTED}]

    def _carried(self) -> list[Shard]:
        return [self.shards[number] for number in sorted(self.active)]

    def _is_over(self) -> bool:
        if self._faults:
            return not self._running
        return all(shard.state in OVER or shard.number in self._settled for shard in self._carried())

    def _start_due(self, pool: ThreadPoolExecutor) -> None:
        if self._faults:
            return
        self._declare_intents()
        now = self.desk.clock.monotonic()
        busy = frozenset().union(*self._running.values()) if self._running else frozenset()
        ready = [shard for shard in self._carried() if shard.number not in busy | self._settled]
        submitted = [shard for shard in ready if shard.state is State.SUBMITTED]
        if submitted and self._next_poll <= now and not self._is_polling():
            self._running[pool.submit(poll, submitted, self.desk)] = frozenset(
                shard.number for shard in submitted
            )
        due = [shard for shard in ready if shard.state in STEPS and self._due[shard.number] <= now]
        due.sort(key=lambda shard: (ORDER.index(shard.state), shard.number))
        for shard in due[: max(0, self.desk.workers - len(self._running))]:
            self._running[pool.submit(_single, STEPS[shard.state], shard, self.desk)] = frozenset(
                {shard.number}
            )

    def _declare_intents(self) -> None:
        now = self.desk.clock.monotonic()
        declared = [
            intend(shard, self.desk)
            for shard in self._carried()
            if shard.state is State.UPLOADED and self._due[shard.number] <= now
        ]
        self._record(declared)

    def _is_polling(self) -> bool:
        return any(
            self.shards[number].state is State.SUBMITTED
            for numbers in self._running.values()
            for number in numbers
        )

    def _idle_s(self, deadline: float | None) -> float:
        now = self.desk.clock.monotonic()
        moments = [self._due[shard.number] for shard in self._carried() if self._waits(shard)]
        if any(shard.state is State.SUBMITTED for shard in self._carried()) and not self._is_polling():
            moments.append(self._next_poll)
        if deadline is not None:
            moments.append(deadline)
        # A step that is due and has no worker yet waits for one to be free.
        later = [moment for moment in moments if moment > now or not self._running]
        return max(0.0, min(later, default=now + 60.0) - now)

    def _waits(self, shard: Shard) -> bool:
        return shard.number not in self._settled and shard.state not in OVER | {State.SUBMITTED}

    def _collect(self) -> None:
        ended = [future for future in self._running if future.done()]
        outcomes: list[Outcome] = []
        for future in ended:
            numbers = self._running.pop(future)
            error = future.exception()
            if error is None:
                outcomes += future.result()
            elif isinstance(error, Exception):
                logger.debug("shards %s: %s", sorted(numbers), error)
                self._faults.append(error)
            else:
                raise error
        self._record(outcomes)

    def _record(self, outcomes: Collection[Outcome]) -> None:
        """Write down what the steps made of their shards, before anything follows from it."""
        if not outcomes:
            return
        now, changed = self.desk.clock.monotonic(), False
        for outcome in outcomes:
            new, old = outcome.shard, self.shards[outcome.shard.number]
            check_move(old, new)
            changed |= _differs(old, new)
            self.shards[new.number] = new
            self._due[new.number] = now + outcome.again_in_s
            self._waiting_for = outcome.waiting_for
            if outcome.is_settled:
                self._settled.add(new.number)
            if outcome.fault is not None:
                self._faults.append(outcome.fault)
            self._set_poll(old, outcome, now)
        if changed:
            self.desk.checkpoint.write_shards(self.shards.values())
        self.watcher.show(self._carried(), self._waiting_for)

    def _set_poll(self, old: Shard, outcome: Outcome, now: float) -> None:
        if outcome.shard.state is not State.SUBMITTED:
            return
        if old.state is not State.SUBMITTED:
            self._polling_since = now
        wait_s = self.desk.pace.poll_after(now - self._polling_since, random.random())  # noqa: S311 - jitter, not a secret
        self._next_poll = now + max(wait_s, outcome.again_in_s)

    def _drain(self) -> None:
        """Let running steps end, soon, and record what they learnt: a reply is never thrown away."""
        if not self._running:
            return
        self.desk.stopping.set()
        outcomes = []
        for future in list(self._running):
            error = future.exception()
            if error is None:
                outcomes += future.result()
            else:
                logger.debug("a step ended with %s while the call was being stopped", type(error).__name__)
        self._running.clear()
        self._record(outcomes)


def _single(step: Step, shard: Shard, desk: Desk) -> list[Outcome]:
    return [step(shard, desk)]


def _differs(old: Shard, new: Shard) -> bool:
    """Whether more has changed than the counts, which every look at the server gives anew."""
    return new != replace(old, server_status=new.server_status, completed=new.completed, failed=new.failed)
