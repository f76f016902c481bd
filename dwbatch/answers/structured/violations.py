"""Why an answer does not fit, in few enough words for an error column."""

from collections.abc import Iterable

from dwbatch.columns import ErrorCode

LONGEST_REASON = 500


class ViolationError(ValueError):
    """An answer that does not fit its format.

    Parameters
    ----------
    code : ErrorCode
        ``invalid_json`` or ``schema_mismatch``.
    reason : str
        The first violation; cut at `LONGEST_REASON` characters.
    """

    def __init__(self, code: ErrorCode, reason: str) -> None:
        reason = reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def mismatch(path: str, words: str) -> ViolationError:
    """A value that is JSON but not of the asked shape, and where."""
    return ViolationError(ErrorCode.SCHEMA_MISMATCH, f"at {path}: {words}")


def json_path(steps: Iterable[object]) -> str:
    """Path of a value, as in ``$.people[0].name``.

    Examples
    --------
    >>> json_path(["people", 0, "name"])
    '$.people[0].name'
    """
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
