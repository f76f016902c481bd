"""Waiting for a job: polled and fetched to its end; nothing is ever uploaded or bought."""

from dwbatch.checkpoint.lock import locked
from dwbatch.checkpoint.shard import State
from dwbatch.engine.goal import Goal
from dwbatch.engine.progress import Progress
from dwbatch.engine.runner import Ending, Runner
from dwbatch.engine.sampling import Sampled
from dwbatch.engine.states import IN_FLIGHT
from dwbatch.engine.watching import Watcher
from dwbatch.errors import JobTimeoutError
from dwbatch.job.held import NO_LIMITS, Held
from dwbatch.opening import at_desk


def wait(held: Held, *, timeout_s: float | None, progress: Progress, watcher: Watcher) -> None:
    """Carry what is in flight to its end.

    A purchase whose reply was lost is looked up, and left in doubt if the server shows none; what
    was never bought stays so.

    Parameters
    ----------
    held : Held
    timeout_s : float or None
        Longest wait, in seconds, the wait for another holder of the checkpoint included.
    progress : Progress
        Says what is to be said.
    watcher : Watcher
        Shows how far the shards are.

    Raises
    ------
    CheckpointLockedError
        If another call holds the checkpoint for all that time.
    JobTimeoutError
        If the time is over; the batches run on.
    ApiError, TransportError, JobStoppedError
        If the server will not be asked any more; what was bought is kept.
    """
    started, clock, path = held.clock.monotonic(), held.clock, held.checkpoint.path
    try:
        with (
            locked(path, timeout_s=timeout_s, on_wait=progress.say),
            at_desk(
                held.checkpoint,
                held.connection,
                held.means,
                order=held.order(),
                progress=progress,
                source=None,
                limits=NO_LIMITS,
            ) as desk,
        ):
            shards = held.every()
            owned = held.owned(shards)
            active = {shard.number for shard in owned if shard.state in IN_FLIGHT}
            others = [shard for shard in owned if shard.number not in active]
            runner = Runner(desk, shards, active, Sampled(watcher, held.checkpoint, clock, others=others))
            deadline = None if timeout_s is None else max(clock.monotonic(), started + timeout_s)
            ending = runner.carry(deadline=deadline, goal=Goal.FETCHED)
            left = sum(shard.state is State.SUBMITTED for shard in runner.in_flight())
    finally:
        progress.close()
    if ending is Ending.TIMEOUT:
        raise JobTimeoutError(
            f"The time given is over. {left} batch{' runs' if left == 1 else 'es run'} on at the server and nothing is "
            f"lost: wait again, or dwbatch.attach({str(path)!r}).cancel() stops the spending.",
            path,
        )
