"""What an error means for the call: try again, look first, or stop and say why."""

from typing import TypeGuard

from dwbatch.errors import ApiError, DwbatchError, JobStoppedError, TransportError
from dwbatch.wire.failures import NeverSentError

# Besides these every 4xx is definite: the server read the call and refused it.
UNCLEAR_4XX = frozenset({408, 425, 499})
TOO_MANY = 429
ABSENT = frozenset({404, 410})


def is_unclear(error: DwbatchError) -> bool:
    """Whether the server may have acted although it did not say so."""
    if isinstance(error, NeverSentError):
        return False
    if isinstance(error, ApiError):
        return error.status >= 500 or error.status in UNCLEAR_4XX  # noqa: PLR2004 - the class of server errors
    return isinstance(error, TransportError)


def is_absent(error: DwbatchError) -> TypeGuard[ApiError]:
    """Whether what was asked for is not at the server, or not any more, or another account's."""
    return isinstance(error, ApiError) and error.status in ABSENT


def may_pass(error: DwbatchError) -> bool:
    """Whether the same call may succeed later, with nobody doing anything."""
    if isinstance(error, ApiError):
        return is_unclear(error) or (error.status == TOO_MANY and not is_pointless(error))
    return isinstance(error, TransportError)


def is_pointless(error: DwbatchError) -> bool:
    """Whether a 429 is of the kind that waiting does not clear.

    The server gives both kinds the same headers and tells them apart only in its sentence.
    """
    return (
        isinstance(error, ApiError)
        and error.status == TOO_MANY
        and error.sentence.startswith("Unverified accounts")
    )


def stop(error: DwbatchError, *, where: str) -> JobStoppedError:
    """The error of a call that cannot go on until somebody acts.

    Parameters
    ----------
    error : DwbatchError
        What the server or the network said.
    where : str
        Which shard, and what it was doing.
    """
    return JobStoppedError(
        f"{where}: {error} What was bought before is kept, and nothing is bought twice: "
        "mend the cause and make the same call again."
    )
