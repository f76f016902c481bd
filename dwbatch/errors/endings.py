"""How a call ends without an answer on every row."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from dwbatch.errors.base import DwbatchError


class RowsFailedError(DwbatchError):
    """Some rows are not ok, and the call said ``errors="raise"``. Every answer is in `frame`.

    Parameters
    ----------
    frame : DataFrame, or a frame of the kind that was given
        What the call would have returned.
    codes : mapping of str to int
        Rows that failed, by error code.

    Examples
    --------
    >>> import dwbatch, dwbatch.local, pandas
    >>> frame = pandas.DataFrame({"text": ["lovely", "bad"]})
    >>> bad = lambda custom_id, body: dwbatch.local.Outcome.status(400, "no") if "bad" in str(body) else None
    >>> with dwbatch.local.Server(outcomes=bad) as server:
    ...     try:
    ...         frame.doubleword.run("{text}", model="m", base_url=server.base_url, errors="raise",
    ...                              checkpoint=False, progress=False)
    ...     except RowsFailedError as error:
    ...         print(error.codes, error.frame["response"].tolist())
    {'http_400': 1} ['echo: lovely', <NA>]
    """

    def __init__(self, frame: Any, codes: Mapping[str, int], rows: int | None = None) -> None:
        # Not the frame: an exception's arguments are shown in its repr, and so in logs.
        super().__init__(codes)
        self.frame = frame
        self.codes = codes
        # A stream, for one, does not know its length.
        self._rows = len(frame) if rows is None else rows

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} {code}" for code, count in self.codes.items())
        return (
            f"{sum(self.codes.values()):,} of {self._rows:,} rows are not ok ({told}). Every answer is kept, and "
            "stands with the reasons in the frame of this error (error.frame); retry= names what the same call "
            "sends again."
        )

    def __reduce__(self) -> tuple[type[Self], tuple[Any, Mapping[str, int], int]]:
        return type(self), (self.frame, self.codes, self._rows)


class JobStoppedError(DwbatchError):
    """The job cannot go on until somebody acts; what was bought and fetched is kept.

    Parameters
    ----------
    message : str
        What stopped it, what is kept, and what to do.

    Examples
    --------
    >>> import dwbatch
    >>> try:
    ...     raise dwbatch.JobStoppedError("The account has no credits left. Top it up, and make the same call again.")
    ... except dwbatch.DwbatchError as error:
    ...     print(error)
    The account has no credits left. Top it up, and make the same call again.
    """


class JobTimeoutError(DwbatchError, TimeoutError):
    """The time given to a call is over; the batches run on and nothing is lost.

    Parameters
    ----------
    message : str
        How far the job is and how to go on.
    checkpoint : Path, optional
        Its folder.

    Attributes
    ----------
    job : dwbatch.Job or None
        The job in the hand, to be waited for or cancelled. It does not travel to another process, since
        it knows a key: attach the checkpoint there.

    Examples
    --------
    >>> import dwbatch, dwbatch.local, pandas
    >>> frame = pandas.DataFrame({"text": ["lovely"]})
    >>> slow = dwbatch.local.Pace(latency_s=3600)
    >>> with dwbatch.local.Server(pace=slow) as server:
    ...     try:
    ...         frame.doubleword.run("{text}", model="m", base_url=server.base_url, timeout=1, progress=False)
    ...     except TimeoutError as error:
    ...         print(error.job.status().state)
    running
    """

    def __init__(self, message: str, checkpoint: Path | None = None) -> None:
        super().__init__(message, checkpoint)
        self.message = message
        self.checkpoint = checkpoint
        self.job: Any = None

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[type[Self], tuple[str, Path | None]]:
        return type(self), (self.message, self.checkpoint)
