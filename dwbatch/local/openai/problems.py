"""Refusals as OpenAI words them."""

from typing import Any

from starlette.responses import Response

from dwbatch.local.replies import Refusal, json

INVALID = "invalid_request_error"


class Problem(Refusal):
    """A refusal that names the parameter it is about.

    Parameters
    ----------
    status : int
        HTTP status.
    message : str
        The sentence.
    param : str, optional
        Which parameter is wrong.
    code : str, optional
        A stable word for the reason.
    """

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(status, message)
        self.param = param
        self.code = code

    def response(self) -> Response:
        """The refusal as it goes over the wire."""
        return json({"error": self.error()}, self.status)

    def error(self) -> dict[str, Any]:
        """What stands under ``error``."""
        return {"message": self.text, "type": INVALID, "param": self.param, "code": self.code}


def no_such(kind: str, given: str) -> Problem:
    """The refusal of an id that leads nowhere."""
    return Problem(404, f"No such {kind} object: {given}", param="id")


def missing(name: str) -> Problem:
    """The refusal of a call that lacks a parameter."""
    return Problem(
        400, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
    )


def not_one_of(name: str, given: str, allowed: tuple[str, ...]) -> Problem:
    """The refusal of a value that is not on a list."""
    words = ", ".join(f"'{one}'" for one in allowed)
    return Problem(
        400, f"Invalid value: '{given}'. Supported values are: {words}.", param=name, code="invalid_value"
    )
