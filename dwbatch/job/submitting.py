"""From a call to the job that it leaves behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dwbatch.call import Call
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.errors import InputError, JobTimeoutError
from dwbatch.job.held import Held, Wording
from dwbatch.job.job import Job
from dwbatch.opening import Means
from dwbatch.sending import submit_only


def submit(call: Call, wording: Wording | None = None, means: Means | None = None) -> Job:
    """Buy what a call still wants, and hand over the job.

    Raises
    ------
    InputError
        With ``checkpoint=False``: a folder that goes away cannot be come back to.
    """
    if call.options.checkpoint is False:
        raise InputError.nothing_sent(
            "submit() needs a checkpoint, since its answers are fetched later; checkpoint=False is for a call that waits."
        )
    means = means or Means()
    return Job(_held(call, submit_only(call, means), wording, means))


@contextmanager
def told_with_job(call: Call, wording: Wording) -> Iterator[None]:
    """Give a timeout the job that it has left running."""
    try:
        yield
    except JobTimeoutError as error:
        if error.checkpoint is not None:
            error.job = Job(_held(call, error.checkpoint, wording, Means()))
        raise


def _held(call: Call, path: Path, wording: Wording | None, means: Means) -> Held:
    return Held(Checkpoint(path, means.disk), call.connection, call, wording, means=means)
