"""What every exception of this library has in common."""


class DwbatchError(Exception):
    """Base of every exception that this library raises on purpose.

    Examples
    --------
    >>> import dwbatch, pandas
    >>> try:
    ...     dwbatch.attach("no/such/folder")
    ... except dwbatch.DwbatchError as error:
    ...     print(type(error).__name__)
    CheckpointError
    """


def first_line(error: BaseException, *, most: int = 300) -> str:
    """What an error of another library says, short enough for a sentence of ours."""
    return (str(error).splitlines() or [type(error).__name__])[0][:most]
