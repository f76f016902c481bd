"""UPLOADED, with its price: what a limit on the cost needs to know before a shard is bought."""

from dwbatch.checkpoint.shard import Shard
from dwbatch.engine import faults
from dwbatch.engine.desk import Desk, Outcome
from dwbatch.engine.price import price
from dwbatch.errors import ApiError, TransportError


def appraise(shard: Shard, desk: Desk) -> Outcome:
    """Ask what a shard costs; nothing is bought by that.

    Raises
    ------
    ApiError, TransportError
        If the server does not answer and nothing is bought yet: whoever waits is told at once. Later
        it is asked again, as for everything else that a long job needs.
    """
    if desk.budget is None:
        raise AssertionError("without a limit no price is asked for")
    try:
        told = price([shard], desk.client, window=desk.budget.window)
    except (ApiError, TransportError) as error:
        if not desk.budget.approved or not faults.may_pass(error):
            raise
        wait_s = desk.backoff(shard, getattr(error, "retry_after_s", None))
        return Outcome(shard, again_in_s=wait_s, waiting_for=str(error))
    desk.memory(shard).failures = 0
    return Outcome(shard, price=told)
