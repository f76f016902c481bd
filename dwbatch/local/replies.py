"""The four envelopes in which the server answers, and the exception that carries a refusal."""

from typing import Any

import msgspec
from starlette.responses import Response, StreamingResponse

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
NDJSON = "application/x-ndjson"

# The real server says 60 in the header and 30 in the body of the same reply.
RETRY_AFTER_HEADER_S = 60
RETRY_AFTER_BODY_S = 30


class Refusal(Exception):  # noqa: N818 - it is an answer on its way out, not a fault of this program
    """An answer that is not a success, raised where the reason is found.

    Parameters
    ----------
    status : int
        HTTP status.
    text : str
        The plain sentence that is the whole body.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text

    def response(self) -> Response:
        """The refusal as it goes over the wire."""
        return text(self.text, self.status)


class TooMany(Refusal):
    """A 429, which alone among refusals is JSON."""

    def __init__(self, text: str) -> None:
        super().__init__(429, text)

    def response(self) -> Response:
        """The refusal as it goes over the wire."""
        body = {
            "error": "too_many_requests",
            "message": self.text,
            "retry_after_seconds": RETRY_AFTER_BODY_S,
        }
        reply = json(body, self.status)
        reply.headers["retry-after"] = str(RETRY_AFTER_HEADER_S)
        return reply


def text(sentence: str, status: int) -> Response:
    """A plain sentence."""
    return Response(sentence, status, headers={"content-type": TEXT})


def json(value: Any, status: int = 200) -> Response:
    """A JSON value."""
    return Response(msgspec.json.encode(value), status, headers={"content-type": JSON})


def inference_error(
    status: int, message: str, *, kind: str, code: str, param: str | None = None, is_sized: bool = False
) -> Response:
    """The envelope of the model endpoints, which mostly comes without a Content-Length."""
    body = msgspec.json.encode({"error": {"code": code, "message": message, "param": param, "type": kind}})
    if is_sized:
        return Response(body, status, headers={"content-type": JSON})
    return StreamingResponse(iter([body]), status, headers={"content-type": JSON})
