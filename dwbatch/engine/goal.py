"""How far a call carries its shards, and which steps it may take on the way there."""

from collections.abc import Callable
from enum import Enum

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.appraise import appraise
from dwbatch.engine.budget import Budget
from dwbatch.engine.desk import Desk, Outcome
from dwbatch.engine.fetch import fetch
from dwbatch.engine.states import OVER, UNPAID
from dwbatch.engine.submit import settle, submit
from dwbatch.engine.upload import upload

Step = Callable[[Shard, Desk], Outcome]


class Goal(Enum):
    """Where a call stops carrying."""

    UPLOADED = "every file is at the server, and nothing is bought"
    BOUGHT = "every batch exists"
    OVER = "every batch is over and fetched"
    FETCHED = "what was bought before is over and fetched; nothing is uploaded or bought"

    @property
    def done(self) -> frozenset[State]:
        """States in which a shard is left alone."""
        return _DONE[self]

    @property
    def steps(self) -> dict[State, Step]:
        """The steps beside polling.

        A goal without a step can never take it by mistake: `FETCHED` knows no way to buy.
        """
        return _STEPS[self]

    def step(self, shard: Shard, budget: Budget | None) -> Step | None:
        """The next step of a shard; None where it has none, or waits for others."""
        if budget is None or not budget.is_waiting(shard):
            return self.steps.get(shard.state)
        if budget.refusal is not None:
            # A purchase that a dead call has begun; what was not bought then is not bought now.
            return settle if shard.state is State.SUBMITTING else None
        return None if shard.number in budget.prices else appraise

    @property
    def may_buy(self) -> bool:
        """Whether a purchase may be begun."""
        return self in {Goal.BOUGHT, Goal.OVER}


_DONE = {
    Goal.UPLOADED: frozenset(State) - {State.PLANNED},
    Goal.BOUGHT: OVER | {State.SUBMITTED, State.ENDED},
    Goal.OVER: OVER,
    Goal.FETCHED: OVER | UNPAID,
}

_STEPS: dict[Goal, dict[State, Step]] = {
    Goal.UPLOADED: {State.PLANNED: upload},
    Goal.BOUGHT: {State.SUBMITTING: submit, State.PLANNED: upload},
    Goal.OVER: {State.SUBMITTING: submit, State.ENDED: fetch, State.PLANNED: upload},
    Goal.FETCHED: {State.SUBMITTING: settle, State.ENDED: fetch},
}
