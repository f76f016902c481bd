"""The job of a Dask frame: as any other, and its answers are read partition by partition."""

from pathlib import Path
from typing import Any

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.dask.answers import with_lazy_answers
from dwbatch.dask.calling import PartitionsCall
from dwbatch.errors import JobStoppedError
from dwbatch.job.held import Held, Wording
from dwbatch.job.job import Job
from dwbatch.job.status import JobState
from dwbatch.opening import Means
from dwbatch.options import Duration


class PartitionsJob(Job):
    """The batches of a call on a Dask frame.

    Parameters
    ----------
    held : Held
        What it stands on; its call is of partitions.
    """

    def result(
        self,
        frame: Any = None,
        *,
        on: str | None = None,
        timeout: Duration | None = None,
        progress: bool = True,
    ) -> Any:
        """Wait for the job, and hand over its frame with the answers, read when it is computed.

        Parameters
        ----------
        frame, on
            A frame of pandas, as for `dwbatch.Job.result`: then a frame of pandas comes back.
        timeout, progress
            As for `dwbatch.Job.wait`.
        """
        if frame is not None or on is not None:
            return super().result(frame, on=on, timeout=timeout, progress=progress)
        status = self.wait(timeout, progress=progress)
        if status.state in {JobState.UNSENT, JobState.UNCLEAR}:
            raise JobStoppedError(
                f"{status.pending:,} of {status.requests:,} requests are {status.state}, so waiting brings no answer. "
                "Make the call again that made this job: it goes on from here and buys nothing twice."
            )
        return self.partial()

    def partial(self) -> Any:
        """The job's frame with the answers that are fetched by now; the others are ``pending``."""
        call = self._held.call
        assert isinstance(call, PartitionsCall)  # noqa: S101 - nobody else makes one
        return with_lazy_answers(call, self._held.checkpoint, self._held.shards())


def job_of(call: PartitionsCall, path: Path, wording: Wording, means: Means) -> PartitionsJob:
    """The job that a call has left in a folder."""
    return PartitionsJob(Held(Checkpoint(path, means.disk), call.connection, call, wording, means=means))
