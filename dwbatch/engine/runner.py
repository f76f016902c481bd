"""The loop that carries shards to their end: steps in a small pool, one writer, no thread left behind."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from enum import Enum
from functools import partial

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.budget import Budget
from dwbatch.engine.desk import Desk, Outcome
from dwbatch.engine.goal import Goal, Step
from dwbatch.engine.halt import never_sent
from dwbatch.engine.hands import Hands
from dwbatch.engine.leaving import leave
from dwbatch.engine.looks import Looks
from dwbatch.engine.poll import poll
from dwbatch.engine.states import OVER, UNPAID, check_move
from dwbatch.engine.submit import intend
from dwbatch.engine.turns import in_turn
from dwbatch.engine.under_way import UnderWay
from dwbatch.engine.watching import Watcher

LONGEST_SLEEP_S = 60.0


class Ending(Enum):
    """Why `Runner.carry` came back."""

    OVER = "every shard is as far as this call can bring it"
    REPLAN = "some requests want a new shard"
    TIMEOUT = "the deadline came first"


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
        self._numbers = sorted(self.active)
        self.watcher = watcher
        self._running = UnderWay()
        self._faults: list[Exception] = []
        self._must_replan = False
        self._waiting_for: str | None = None
        self._goal = Goal.OVER
        self._budget: Budget | None = None
        self._unwritten = False
        self._looks = Looks(desk.pace, desk.clock.monotonic())
        for number in self.active - desk.memories.keys():
            # Left by another process: its POST may or may not have come through.
            if self.shards[number].state is State.SUBMITTING:
                desk.memory(self.shards[number]).must_look_up = True

    def carry(
        self,
        *,
        deadline: float | None = None,
        goal: Goal = Goal.OVER,
        on_interrupt: Callable[[], None] = lambda: None,
    ) -> Ending:
        """Carry every active shard as far as it goes.

        Parameters
        ----------
        deadline : float, optional
            On the monotonic clock.
        goal : Goal
            Where to stop; a later call may carry the same shards further.
        on_interrupt : callable
            Called at Ctrl-C at once, before the few seconds in which replies on their way may
            still come in; `KeyboardInterrupt` is raised after them.

        Returns
        -------
        Ending
            After any ending, as after any exception, everything that is known is on disk, and the
            same call goes on from there. No thread is left, unless it hangs elsewhere than on a
            connection.
        """
        self._goal = goal
        self._budget = self.desk.budget if goal.may_buy else None
        with Hands(self.desk.workers) as hands:
            try:
                self._keep_to_budget()
                while (ending := self._ending(deadline)) is None:
                    self._start_due(hands)
                    self.desk.clock.wait_for(self._running, self._idle_s(deadline))
                    self._collect()
                    self._keep_to_budget()
            except KeyboardInterrupt:
                on_interrupt()
                raise
            else:
                if self._faults:
                    raise self._faults[0]
                return ending
            finally:
                self._drain()

    def unsent(self) -> list[Shard]:
        """Active shards for which no purchase was begun."""
        return [shard for shard in self._carried() if shard.state in UNPAID]

    def in_flight(self) -> list[Shard]:
        """Active shards that are bought and not over."""
        return [shard for shard in self._carried() if shard.state in {State.SUBMITTING, State.SUBMITTED}]

    def _carried(self) -> list[Shard]:
        return [self.shards[number] for number in self._numbers]

    def _is_done(self, shard: Shard) -> bool:
        is_settled = shard.state in self._goal.done or self.desk.memory(shard).is_settled
        return is_settled or (self._is_refused(shard) and self._is_free(shard))

    def _is_refused(self, shard: Shard) -> bool:
        """Whether a shard stays unbought because the call may spend no more."""
        if self._budget is None or self._budget.refusal is None or shard.state not in UNPAID:
            return False
        return shard.number not in self._budget.approved

    def _keep_to_budget(self) -> None:
        """See what may be bought; where that is nothing at all, whoever waits is told at once."""
        if self._budget is None or self._faults or self._must_replan:
            return
        self._budget.approve(self.shards, self._open())
        if self._budget.refusal is not None and not self._budget.approved:
            self._faults.append(self._budget.refusal)

    def _ending(self, deadline: float | None) -> Ending | None:
        is_late = deadline is not None and self.desk.clock.monotonic() >= deadline
        if self._faults or self._must_replan:
            # Running steps come to their end first: what they learn is paid for.
            if self._running and not is_late:
                return None
            return Ending.TIMEOUT if is_late else Ending.REPLAN
        if all(self._is_done(shard) for shard in self._carried()):
            return Ending.OVER
        return Ending.TIMEOUT if is_late else None

    def _start_due(self, hands: Hands) -> None:
        if self._faults or self._must_replan:
            return
        self._decide_purchases()
        now = self.desk.clock.monotonic()
        due = [shard for shard in self._open() if self._is_free(shard) and self.desk.memory(shard).due <= now]
        submitted = [shard for shard in due if shard.state is State.SUBMITTED]
        if submitted and self._looks.next <= now and not self._running.is_polling:
            self._running.begin(hands.start(partial(poll, submitted, self.desk)), submitted)
        for step, shard in self._in_turn(due)[: self._free()]:
            self._running.begin(hands.start(partial(_single, step, shard, self.desk)), [shard])

    def _in_turn(self, due: Iterable[Shard]) -> list[tuple[Step, Shard]]:
        steps = {shard.number: step for shard in due if (step := self._goal.step(shard, self._budget))}
        ready = [self.shards[number] for number in steps]
        turn = in_turn(ready, self._open(), self._running.busy, self.desk.most_active)
        return [(steps[shard.number], shard) for shard in turn]

    def _free(self) -> int:
        """How many steps may begin; where there are several hands, one is kept for looking at batches."""
        submitted = any(shard.state is State.SUBMITTED for shard in self._carried())
        kept = 1 if submitted and not self._running.is_polling and self.desk.workers > 1 else 0
        return max(0, self.desk.workers - kept - len(self._running))

    def _is_free(self, shard: Shard) -> bool:
        return shard.number not in self._running.busy

    def _open(self) -> list[Shard]:
        return [shard for shard in self._carried() if not self._is_done(shard)]

    def _decide_purchases(self) -> None:
        """Declare what is about to be bought; or drop it, if somebody said to stop."""
        unpaid = [shard for shard in self._carried() if shard.state in UNPAID and self._is_free(shard)]
        if self.desk.checkpoint.is_stopped():
            dropped = [never_sent(shard, self.desk.checkpoint, self.desk.clock) for shard in unpaid]
            self._record([Outcome(shard, is_settled=True) for shard in dropped])
            return
        if not self._goal.may_buy:
            return
        now = self.desk.clock.monotonic()
        wanted = [shard for shard in unpaid if self._may_be_bought(shard)]
        self._record([intend(shard, self.desk) for shard in wanted if self.desk.memory(shard).due <= now])

    def _may_be_bought(self, shard: Shard) -> bool:
        is_up = self._goal.may_buy and shard.state is State.UPLOADED
        return is_up and (self._budget is None or not self._budget.is_waiting(shard))

    def _idle_s(self, deadline: float | None) -> float:
        now = self.desk.clock.monotonic()
        waiting = self._open()
        submitted = [self.desk.memory(shard).due for shard in waiting if shard.state is State.SUBMITTED]
        # What waits until others are done has no moment of its own.
        may_begin = {shard.number for _, shard in self._in_turn(waiting)}
        moments = [
            self.desk.memory(shard).due
            for shard in waiting
            if shard.number in may_begin or self._may_be_bought(shard)
        ]
        if submitted and not self._running.is_polling:
            moments.append(max(self._looks.next, min(submitted)))
        if deadline is not None:
            moments.append(deadline)
        # A step that is due and has no worker yet waits for one to be free.
        later = [moment for moment in moments if moment > now or not self._running]
        # A cancel may come in at any moment, so no sleep is long.
        return min(LONGEST_SLEEP_S, max(0.0, min(later, default=now + LONGEST_SLEEP_S) - now))

    def _collect(self) -> None:
        ended = [future for future in self._running if future.done()]
        outcomes, faults = self._running.made_by(ended)
        self._faults += faults
        self._record(outcomes)
        # Only now: should Ctrl-C come in between, `_drain` finds them here.
        self._running.forget(ended)

    def _record(self, outcomes: Collection[Outcome]) -> None:
        """Write down what the steps made of their shards, before anything follows from it."""
        if not outcomes and not self._unwritten:
            return
        before = dict(self.shards)
        for outcome in outcomes:
            new, old = outcome.shard, self.shards[outcome.shard.number]
            check_move(old, new)
            self._unwritten |= _differs(old, new)
            self.shards[new.number] = new
            self._take_in(old, outcome)
        if self._unwritten:
            self.desk.checkpoint.write_shards(self.shards.values())
            self._unwritten = False
        self._plan_look(before, outcomes)
        self._waiting_for = next((outcome.waiting_for for outcome in outcomes if outcome.waiting_for), None)
        self.watcher.show(self._carried(), self._waiting_for)

    def _take_in(self, old: Shard, outcome: Outcome) -> None:
        memory = self.desk.memory(outcome.shard)
        memory.due = self.desk.clock.monotonic() + outcome.again_in_s
        memory.is_settled |= outcome.is_settled
        if outcome.shard.state in OVER | {State.ENDED} and old.state is not State.ENDED:
            self.desk.tally.ended.add(outcome.shard.number)
        self._must_replan |= outcome.must_replan
        if outcome.lesson is not None:
            self.desk.learn(outcome.lesson)
        if outcome.price is not None and self.desk.budget is not None:
            self.desk.budget.prices[old.number] = outcome.price
        if outcome.fault is not None:
            self._faults.append(outcome.fault)

    def _plan_look(self, before: Mapping[int, Shard], outcomes: Collection[Outcome]) -> None:
        now = self.desk.clock.monotonic()
        states = [(before[outcome.shard.number].state, outcome.shard.state) for outcome in outcomes]
        if any(old is State.SUBMITTED for old, _ in states):
            self._looks.over(now)
        elif any(new is State.SUBMITTED for _, new in states):
            is_first = not any(before[number].state is State.SUBMITTED for number in self.active)
            self._looks.begin(now, is_first=is_first)

    def _drain(self) -> None:
        """Let running steps end, soon, and write down what they learnt: a reply is never thrown away."""
        if not self._running:
            return
        try:
            leave(self._running, self.desk)
        finally:
            last = self._running.last_outcomes()
            # Those that are recorded already are there in the same place.
            self._record([each for each in last if each.shard is not self.shards[each.shard.number]])
            self._running.forget(self._running)


def _single(step: Step, shard: Shard, desk: Desk) -> list[Outcome]:
    return [step(shard, desk) if desk.porter is None else desk.porter.take(step, shard, desk)]


def _differs(old: Shard, new: Shard) -> bool:
    """Whether more has changed than the counts, which every look at the server gives anew."""
    return new != replace(old, server_status=new.server_status, completed=new.completed, failed=new.failed)
