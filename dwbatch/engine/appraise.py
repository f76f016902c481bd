"""UPLOADED, with its price: what a limit on the cost needs to know before a shard is bought."""

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine import faults
from dwbatch.engine.desk import Desk, Outcome
from dwbatch.engine.price import price
from dwbatch.engine.upload import up_again
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
        if told.cost is None and _has_lost_file(shard, desk):
            return up_again(shard, desk)
    except (ApiError, TransportError) as error:
        if not desk.budget.approved or not faults.may_pass(error):
            raise
        wait_s = desk.backoff(shard, getattr(error, "retry_after_s", None))
        return Outcome(shard, again_in_s=wait_s, waiting_for=str(error))
    desk.memory(shard).failures = 0
    return Outcome(shard, price=told)


def _has_lost_file(shard: Shard, desk: Desk) -> bool:
    """Whether there is no price for want of the file; a purchase in doubt may have it still."""
    if shard.state is not State.UPLOADED or desk.memory(shard).has_lost_file:
        return False
    try:
        desk.client.file(shard.input_file_id or "")
    except ApiError as error:
        if not faults.is_absent(error):
            raise
        return True
    return False
