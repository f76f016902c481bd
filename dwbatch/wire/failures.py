"""What the network does to a call, told apart by what it means for the money."""

import re
import ssl
from collections.abc import Iterator
from typing import Self, TypeVar

import requests
import urllib3.exceptions as urllib3_errors

from dwbatch.errors import TransportError

ErrorT = TypeVar("ErrorT", bound=BaseException)

_MAX_REASON = 300


class NeverSentError(TransportError):
    """The request surely never reached the server: the same call may be made again."""


class StoppedError(TransportError):
    """The caller asked to stop; the call was given up on this side."""

    @classmethod
    def during(cls, call: str) -> Self:
        """The error of a call that was given up."""
        return cls(call, "it was stopped on this side.")


def transport_error(call: str, error: Exception) -> TransportError:
    """A sentence for what requests or urllib3 raised, and whether anything was sent.

    Parameters
    ----------
    call : str
        Method and path, as in ``"POST /batches"``.
    error : Exception
        What was raised.

    Returns
    -------
    TransportError
        `NeverSentError` when the name could not be found, the connection was refused or not made in
        time, or the certificate was not trusted; else a plain `TransportError`: the server may have
        acted.
    """
    causes = list(_causes(error))
    for cause in causes:
        if (reason := _never_sent(cause)) is not None:
            return NeverSentError(call, reason)
    if any(isinstance(cause, urllib3_errors.ReadTimeoutError | requests.ReadTimeout) for cause in causes):
        return TransportError(call, "no answer came in time.")
    return TransportError(call, _in_words(causes[-1]))


def without_frames(error: ErrorT) -> ErrorT:
    """The same exception, freed of whatever could show the key.

    A requests exception carries the prepared request with its headers, and the frames of urllib3
    and http.client hold them in local variables, where a debugger, an error reporter or a verbose
    traceback would print them.
    """
    seen: set[int] = set()
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        link.__traceback__ = None
        if isinstance(link, requests.RequestException):
            link.request = link.response = None
        links += [link.__cause__, link.__context__, *_inside(link)]
    return error


def _causes(error: BaseException) -> Iterator[BaseException]:
    # Never through __context__: an earlier try that was refused says nothing
    # about the last one.
    yield error
    for inner in _inside(error):
        yield from _causes(inner)


def _inside(error: BaseException) -> Iterator[BaseException]:
    found = [*error.args, getattr(error, "reason", None), getattr(error, "original_error", None)]
    distinct = {id(inner): inner for inner in found if isinstance(inner, BaseException)}
    yield from distinct.values()


def _never_sent(cause: BaseException) -> str | None:
    if isinstance(cause, urllib3_errors.ProxyError):
        # Raised before the way through the proxy is open, never after.
        return f"the proxy gave no connection: {_in_words(cause.original_error)}"
    if isinstance(cause, urllib3_errors.NameResolutionError):
        return "the host name cannot be found (no network, or a wrong base URL)."
    if isinstance(cause, urllib3_errors.NewConnectionError):
        return f"no connection could be made: {_in_words(cause.__cause__ or cause)}"
    if isinstance(cause, urllib3_errors.ConnectTimeoutError):
        return "no connection could be made in time."
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted: {_in_words(cause)}"
    return None


def _in_words(cause: BaseException) -> str:
    # urllib3 writes object addresses into its messages, which mean nothing
    # and would make every message differ.
    text = re.sub(r"<[^<>]* at 0x[0-9a-fA-F]+>:?\s*", "", str(cause))
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"{type(cause).__name__}: {shown[:_MAX_REASON]}" if shown.strip() else type(cause).__name__
