"""Waiting for what other threads and processes are about to do."""

import threading
from collections.abc import Callable

import pytest

from dwbatch import Job, JobState, JobTimeoutError

LONGEST_S = 120.0


def until(is_so: Callable[[], object]) -> None:
    """Wait for something that is going to happen."""
    patience = threading.Event()
    for _ in range(int(LONGEST_S / 0.02)):
        if is_so():
            return
        patience.wait(0.02)
    raise AssertionError("it has not happened")


def timed_out(call: Callable[[float], object]) -> tuple[Job, JobTimeoutError]:
    """The job of a call whose time ended once all was bought, however busy this machine is, and its error.

    Parameters
    ----------
    call : callable of float
        Makes the call with so many seconds of time: half of one, and twice as many each time.
    """
    timeout_s = 0.5
    while timeout_s < LONGEST_S:
        with pytest.raises(JobTimeoutError) as caught:
            call(timeout_s)
        job = caught.value.job
        assert isinstance(job, Job)
        if job.status().state not in {JobState.UNSENT, JobState.UNCLEAR}:
            return job, caught.value
        timeout_s *= 2
    raise AssertionError("nothing was bought in time")
