"""How one request ends upstream: what a script or a callable may ask for, and what was billed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP reply of the model behind the server.

    Parameters
    ----------
    status_code : int
        HTTP status; 400 and above end in the error file.
    body : object
        JSON value, or a string that is sent as it is.
    """

    status_code: int
    body: Any


class End(StrEnum):
    """The ways in which a scripted request can end."""

    REPLY = "reply"
    NETWORK_ERROR = "network_error"
    TIMEOUT = "timeout"
    TRUNCATED = "truncated"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    EMPTY = "empty"
    NOT_JSON = "not_json"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A scripted end of one request; made by the class methods below.

    Parameters
    ----------
    end : End
        Which way it ends.
    status_code : int
        Status of the upstream's reply, where there is one.
    body : object
        Body of that reply, or the sentence of a network error or timeout.
    """

    end: End
    status_code: int = 200
    body: Any = None

    @classmethod
    def status(cls, status_code: int, body: Any = None) -> Self:
        """The model answers with this status; 400 and above is a line in the error file."""
        if body is None:
            body = {"error": {"message": f"scripted failure {status_code}", "type": "scripted", "code": None}}
        return cls(End.REPLY, status_code, body)

    @classmethod
    def network_error(cls, sentence: str = "connection closed before message completed") -> Self:
        """The server could not reach the model, or lost it half-way."""
        return cls(End.NETWORK_ERROR, body=sentence)

    @classmethod
    def timeout(cls, sentence: str = "no first byte in time") -> Self:
        """The model did not answer the server in time."""
        return cls(End.TIMEOUT, body=sentence)

    @classmethod
    def truncated(cls) -> Self:
        """An answer cut at the token limit: ``finish_reason`` is ``length``."""
        return cls(End.TRUNCATED)

    @classmethod
    def content_filter(cls) -> Self:
        """An empty answer with ``finish_reason`` ``content_filter``."""
        return cls(End.CONTENT_FILTER)

    @classmethod
    def refusal(cls) -> Self:
        """A message with a ``refusal`` in place of content."""
        return cls(End.REFUSAL)

    @classmethod
    def empty(cls) -> Self:
        """An answer of no characters, ``finish_reason`` ``stop``."""
        return cls(End.EMPTY)

    @classmethod
    def not_json(cls, text: str = "<html>not an answer</html>") -> Self:
        """Status 200 with a body that is not JSON: the result's body is then a string."""
        return cls(End.NOT_JSON, body=text)

    @classmethod
    def never(cls) -> Self:
        """The request counts as failed, and no file ever has a line for it."""
        return cls(End.NEVER)


@dataclass(frozen=True, slots=True)
class Bill:
    """One call of the model that was made and paid for.

    Parameters
    ----------
    batch_id, custom_id : str
        Which request of which batch.
    line_number : int
        Its line in the input file, from 1, blank lines not counted.
    model : str
        The model asked for.
    body_sha256 : str
        SHA-256 of the body as the server keeps it (keys sorted), in hex.
    status_code : int
        Status of the upstream's reply; 0 where there was none.
    prompt_tokens, completion_tokens : int
        Tokens that the reply said it used.
    billed_at : float
        Unix time, in seconds.
    """

    batch_id: str
    custom_id: str
    line_number: int
    model: str
    body_sha256: str
    status_code: int
    prompt_tokens: int
    completion_tokens: int
    billed_at: float


Answer = Callable[[dict[str, Any]], "str | dict[str, Any] | Reply | Outcome"]
Script = Mapping[str, Outcome] | Callable[[str, dict[str, Any]], Outcome | None]
