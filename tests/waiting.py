"""Waiting for what other threads and processes are about to do."""

import threading
from collections.abc import Callable

import pytest

from dwbatch import Job, JobState, JobTimeoutError

LONGEST_S = 60.0


def until(is_so: Callable[[], object]) -> None:
    """Wait for something that is going to happen."""
    patience = threading.Event()
    for _ in range(int(LONGEST_S / 0.02)):
        if is_so():
            return
        patience.wait(0.02)
    raise AssertionError("it has not happened")


def timed_out(call: Callable[[], object]) -> tuple[Job, JobTimeoutError]:
    """The job of a call whose time ended once all was bought, however busy this machine is, and its error."""
    while True:
        with pytest.raises(JobTimeoutError) as caught:
            call()
        job = caught.value.job
        assert isinstance(job, Job)
        if job.status().state not in {JobState.UNSENT, JobState.UNCLEAR}:
            return job, caught.value
