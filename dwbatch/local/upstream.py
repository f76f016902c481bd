"""The model behind the server: a request goes in, the end of its row comes out."""

import hashlib
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from dwbatch.local import echo, saying
from dwbatch.local.account import NO_MONEY, Account
from dwbatch.local.faults.board import Board
from dwbatch.local.faults.kinds import FailRows
from dwbatch.local.outcomes import Answer, End, Outcome, Reply, Script
from dwbatch.local.schemas import NoValueError
from dwbatch.local.views import ERROR, OUTPUT

logger = logging.getLogger(__name__)

# Statuses after which the real server tries again; other 4xx are final.
RETRIABLE = frozenset({404, 408, 429, 499})
FIRST_SERVER_ERROR = 500
FIRST_ERROR = 400

# A row that is over and has a line in neither file.
NOWHERE = 2

_encode_sorted = msgspec.json.Encoder(order="sorted").encode


# Kind, status code, what is stored, and tokens in and out.
_Settled = tuple[int, int, bytes, tuple[int, int]]


class Claim(NamedTuple):
    """A row taken up to be answered."""

    batch: int
    epoch: int
    line: int
    row_id: str
    custom_id: str
    url: str
    model: str
    window: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """How a row ended, ready to be stored."""

    claim: Claim
    kind: int
    status_code: int
    body: bytes
    prompt_tokens: int = 0
    completion_tokens: int = 0
    body_sha256: str = ""
    finished_at: float = 0.0
    duration_ms: float = 0.0
    is_billed: bool = True


class Upstream:
    """Answers claims by script, by a callable, or by echo.

    Parameters
    ----------
    answer : callable, optional
        From a request's body to the answer; None is echo.
    outcomes : mapping or callable, optional
        Ends of single requests, by custom_id; what it does not name is answered.
    delay_s : float
        Time every answer takes, in seconds.
    account : Account
        Who pays.
    board : Board
        Faults that may befall a row.
    """

    def __init__(
        self, answer: Answer | None, outcomes: Script | None, delay_s: float, account: Account, board: Board
    ) -> None:
        self._account = account
        self._board = board
        self._stopping = threading.Event()
        self._answer = answer
        self._outcomes = outcomes
        self._delay_s = delay_s

    @property
    def is_instant(self) -> bool:
        """Whether answers cost no time, so that rows can be answered many in a row."""
        # A script that is a callable may take as long as it likes.
        is_scripted = self._outcomes is None or isinstance(self._outcomes, Mapping)
        return self._answer is None and not self._delay_s and is_scripted

    def stop(self) -> None:
        """Let every answer that is being delayed come at once."""
        self._stopping.set()

    def call(self, claim: Claim) -> Finish:
        """Answer one claim; never raises."""
        if not self._account.can_pay:
            return _unbilled(claim, 402, NO_MONEY)
        for armed in self._board.armed(FailRows):
            if self._board.take(armed, f"row {claim.custom_id}"):
                return _unbilled(claim, armed.fault.status, armed.fault.body)
        began = time.monotonic()
        if self._delay_s:
            self._stopping.wait(self._delay_s)
        kind, status_code, stored, usage = self._settled(claim)
        self._account.charge(self._account.cost(claim.model, claim.window, usage))
        return Finish(
            claim,
            kind,
            status_code,
            stored,
            prompt_tokens=usage[0],
            completion_tokens=usage[1],
            body_sha256=hashlib.sha256(claim.body).hexdigest(),
            finished_at=time.time(),
            duration_ms=(time.monotonic() - began) * 1000,
        )

    def _settled(self, claim: Claim) -> _Settled:
        body = msgspec.json.decode(claim.body)
        # The callables are the user's, and so is what they return: whatever goes
        # wrong in them is one failed row, as a model that breaks down would be.
        try:
            return _settle(self._outcome(claim, body), claim, body)
        except Exception as error:  # noqa: BLE001 - see above
            logger.warning("row %s: the answer callable raised %s", claim.row_id, type(error).__name__)
            broken = Outcome.status(500, {"error": {"message": repr(error), "type": "answer_error"}})
            return _settle(broken, claim, body)

    def _outcome(self, claim: Claim, body: dict[str, Any]) -> Outcome:
        scripted = self._scripted(claim.custom_id, body)
        if scripted is not None:
            return scripted
        if self._answer is None:
            try:
                return Outcome(End.REPLY, 200, echo.echo(claim.url, body, claim.row_id))
            except NoValueError as error:
                return _invalid_schema(str(error))
        said = self._answer(body)
        if isinstance(said, Outcome):
            return said
        if isinstance(said, Reply):
            return Outcome(End.REPLY, said.status_code, said.body)
        if isinstance(said, str):
            said = echo.wrap(claim.url, body, claim.row_id, said)
        return Outcome(End.REPLY, 200, said)

    def _scripted(self, custom_id: str, body: dict[str, Any]) -> Outcome | None:
        if self._outcomes is None:
            return None
        if isinstance(self._outcomes, Mapping):
            return self._outcomes.get(custom_id)
        return self._outcomes(custom_id, body)


def _invalid_schema(sentence: str) -> Outcome:
    message = f"Invalid schema for response_format: {sentence}"
    error = {"message": message, "type": "invalid_request_error", "param": "response_format", "code": None}
    return Outcome.status(400, {"error": error})


def _unbilled(claim: Claim, status_code: int, body: str) -> Finish:
    return Finish(claim, ERROR, status_code, http_failure(status_code, body), is_billed=False)


def failure(kind: str, details: dict[str, Any] | None = None) -> bytes:
    """The text in an error line's message: JSON inside a JSON string."""
    reason: dict[str, Any] = {"type": kind}
    if details is not None:
        reason["details"] = details
    return msgspec.json.encode(reason)


def http_failure(status_code: int, body: str) -> bytes:
    """The failure of an upstream status, with the upstream's body as a string."""
    is_retriable = status_code in RETRIABLE or status_code >= FIRST_SERVER_ERROR
    kind = "RetriableHttpStatus" if is_retriable else "NonRetriableHttpStatus"
    return failure(kind, {"status": status_code, "body": body})


def _settle(outcome: Outcome, claim: Claim, body: dict[str, Any]) -> _Settled:
    if outcome.end is End.NEVER:
        return NOWHERE, 0, b"null", (0, 0)
    if outcome.end is End.NETWORK_ERROR:
        return ERROR, 0, failure("NetworkError", {"error": outcome.body}), (0, 0)
    if outcome.end is End.TIMEOUT:
        return ERROR, 0, failure("Timeout", {"error": outcome.body}), (0, 0)
    reply = _reply(outcome, claim, body)
    if outcome.status_code >= FIRST_ERROR:
        text = reply if isinstance(reply, str) else msgspec.json.encode(reply).decode()
        return ERROR, outcome.status_code, http_failure(outcome.status_code, text), (0, 0)
    return OUTPUT, outcome.status_code, _encode_sorted(reply), _usage(reply)


def _reply(outcome: Outcome, claim: Claim, body: dict[str, Any]) -> Any:
    if outcome.end in {End.REPLY, End.NOT_JSON}:
        return outcome.body
    said = ""
    if outcome.end is End.TRUNCATED:
        said = saying.asked(body)[:8]
    message: dict[str, Any] = {"role": "assistant", "content": said}
    if outcome.end is End.REFUSAL:
        message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    reasons = {End.TRUNCATED: "length", End.CONTENT_FILTER: "content_filter"}
    return echo.chat(body, claim.row_id, message, finish_reason=reasons.get(outcome.end, "stop"), said=said)


def _usage(reply: Any) -> tuple[int, int]:
    usage = reply.get("usage") if isinstance(reply, dict) else None
    if not isinstance(usage, dict):
        return 0, 0
    prompt = usage.get("prompt_tokens", usage.get("input_tokens", 0))
    completion = usage.get("completion_tokens", usage.get("output_tokens", 0))
    return (
        prompt if isinstance(prompt, int) else 0,
        completion if isinstance(completion, int) else 0,
    )
