"""With what a command ends: one number that a cron line or a CI job can act on."""

import re

from dwbatch.errors import (
    CheckpointLockedError,
    InputError,
    JobTimeoutError,
    RowsFailedError,
)

OK = 0
FAILED = 1
# Also what argparse leaves with.
USAGE = 2
ROWS_FAILED = 3
# EX_TEMPFAIL of sysexits.h: nothing is wrong, and the same command later goes on.
STILL_RUNNING = 75
# What a shell says of a command that SIGINT or SIGTERM has ended.
INTERRUPTED = 130
TERMINATED = 143

CODE_MEANINGS = {
    OK: "all rows are ok, or as many as --max-failed asks for",
    FAILED: "failed; what was bought is kept, and the same command goes on",
    USAGE: "wrong usage or wrong input",
    ROWS_FAILED: "finished, and more rows are not ok than --max-failed allows",
    STILL_RUNNING: "the job still runs (--timeout), or another command holds it; the same command later goes on",
    INTERRUPTED: "Ctrl-C; the batches run on, and the same command goes on",
    TERMINATED: "SIGTERM; the batches run on, and the same command goes on",
}

SHARE = re.compile(r"([0-9]+(?:\.[0-9]+)?)%\Z")


def code_of(error: BaseException) -> int:
    """The exit code for an error that ends a command."""
    if isinstance(error, JobTimeoutError | CheckpointLockedError):
        return STILL_RUNNING
    if isinstance(error, RowsFailedError):
        return ROWS_FAILED
    return USAGE if isinstance(error, InputError) else FAILED


def judged(not_ok: int, rows: int, most: str) -> int:
    """The exit code of a job that is over.

    Parameters
    ----------
    not_ok, rows : int
    most : str
        ``--max-failed``: a number of rows, or a share of them such as ``1%``.

    Raises
    ------
    ValueError
        If `most` is neither.

    Examples
    --------
    >>> judged(1, 100, "0"), judged(1, 100, "1%"), judged(2, 100, "1%")
    (3, 0, 3)
    """
    share = SHARE.match(most)
    allowed = float(share[1]) * rows / 100 if share else int(most)
    return ROWS_FAILED if not_ok > allowed else OK


def most_failed(text: str) -> str:
    """``--max-failed`` as argparse reads it."""
    judged(0, 0, text)
    if text.startswith("-"):
        raise ValueError(text)
    return text
