"""What can stand behind the server: an echo, a callable, a model elsewhere."""

from collections.abc import Callable
from typing import Any, Literal

from dwbatch.local import echo
from dwbatch.local.claims import Claim
from dwbatch.local.outcomes import Answer, End, Outcome, Reply
from dwbatch.local.remote import RemoteModel
from dwbatch.local.schemas import NoValueError

Model = Callable[[Claim, dict[str, Any]], Outcome]


def echo_model(claim: Claim, body: dict[str, Any]) -> Outcome:
    """The answer of no model at all."""
    try:
        return Outcome(End.REPLY, 200, echo.echo(claim.url, body, claim.row_id))
    except NoValueError as error:
        message = f"Invalid schema for response_format: {error}"
        refused = {
            "message": message,
            "type": "invalid_request_error",
            "param": "response_format",
            "code": None,
        }
        return Outcome.status(400, {"error": refused})


def callable_model(answer: Answer) -> Model:
    """The answers of a user's callable."""

    def ask(claim: Claim, body: dict[str, Any]) -> Outcome:
        said = answer(body)
        if isinstance(said, Outcome):
            return said
        if isinstance(said, Reply):
            return Outcome(End.REPLY, said.status_code, said.body)
        if isinstance(said, str):
            said = echo.wrap(claim.url, body, claim.row_id, said)
        return Outcome(End.REPLY, 200, said)

    return ask


def chosen(answer: Literal["echo"] | Answer, remote: RemoteModel | None) -> Model:
    """The model that a server was started with."""
    if remote is not None:
        return lambda claim, body: remote.answer(claim.url, body)
    return echo_model if answer == "echo" else callable_model(answer)
