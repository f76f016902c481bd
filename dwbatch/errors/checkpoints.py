"""What is wrong with a checkpoint."""

from pathlib import Path

from dwbatch.errors.base import DwbatchError


class CheckpointError(DwbatchError):
    """The checkpoint folder cannot be used as it is; nothing in it was changed.

    Parameters
    ----------
    path : Path or str
        The file or folder in question; of an object store its URI.
    message : str
        What is wrong with it and what to do.

    Examples
    --------
    >>> import dwbatch
    >>> try:
    ...     dwbatch.attach("no/such/folder")
    ... except dwbatch.CheckpointError as error:
    ...     print(error.path.name == "folder")
    True
    """

    def __init__(self, path: Path | str, message: str) -> None:
        super().__init__(path, message)
        self.path = path
        self.message = message

    def __str__(self) -> str:
        return f"{str(self.path)!r}: {self.message}"


class CheckpointLockedError(CheckpointError):
    """Another call holds the checkpoint and did not let go in time.

    Examples
    --------
    >>> str(CheckpointLockedError("reviews", "another call holds it since 09:14."))
    "'reviews': another call holds it since 09:14."
    """
