"""From what a model did to what is kept of it: a result or a reason, and the tokens used."""

import hashlib
import time
from typing import Any

import msgspec

from dwbatch.local import echo, saying
from dwbatch.local.claims import Claim, Finish
from dwbatch.local.outcomes import End, Outcome
from dwbatch.local.views import ERROR, OUTPUT

# Statuses after which the real server tries again; other 4xx are final.
RETRIABLE = frozenset({404, 408, 429, 499})
FIRST_SERVER_ERROR = 500
FIRST_ERROR = 400

# A row that is over and has a line in neither file.
NOWHERE = 2

_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class Settled(msgspec.Struct, frozen=True, gc=False):
    """What is kept of an outcome."""

    kind: int
    status_code: int
    stored: bytes
    tokens: tuple[int, int] = (0, 0)
    is_retriable: bool = False


def failure(kind: str, details: dict[str, Any] | None = None) -> bytes:
    """The text in an error line's message: JSON inside a JSON string."""
    reason: dict[str, Any] = {"type": kind}
    if details is not None:
        reason["details"] = details
    return msgspec.json.encode(reason)


def http_failure(status_code: int, body: str) -> bytes:
    """The failure of an upstream status, with the upstream's body as a string."""
    kind = "RetriableHttpStatus" if _is_retriable(status_code) else "NonRetriableHttpStatus"
    return failure(kind, {"status": status_code, "body": body})


def _is_retriable(status_code: int) -> bool:
    return status_code in RETRIABLE or status_code >= FIRST_SERVER_ERROR


def settle(outcome: Outcome, claim: Claim, body: dict[str, Any]) -> Settled:
    """What is kept of a row's outcome; raises if JSON cannot hold what a callable returned."""
    if outcome.end is End.NEVER:
        return Settled(NOWHERE, 0, b"null")
    if outcome.end is End.NETWORK_ERROR:
        return Settled(ERROR, 0, failure("NetworkError", {"error": outcome.body}), is_retriable=True)
    if outcome.end is End.TIMEOUT:
        return Settled(ERROR, 0, failure("Timeout", {"error": outcome.body}), is_retriable=True)
    reply = _reply(outcome, claim, body)
    if outcome.status_code >= FIRST_ERROR:
        text = reply if isinstance(reply, str) else msgspec.json.encode(reply).decode()
        is_retriable = _is_retriable(outcome.status_code)
        stored = http_failure(outcome.status_code, text)
        return Settled(ERROR, outcome.status_code, stored, is_retriable=is_retriable)
    return Settled(OUTPUT, outcome.status_code, _encode_sorted(reply), _usage(reply))


def billed(claim: Claim, settled: Settled, model: str, *, duration_ms: float = 0.0) -> Finish:
    """The end of a row that a model has answered, and that is paid for."""
    return Finish(
        claim,
        settled.kind,
        settled.status_code,
        settled.stored,
        model=model,
        prompt_tokens=settled.tokens[0],
        completion_tokens=settled.tokens[1],
        body_sha256=hashlib.sha256(claim.body).hexdigest(),
        finished_at=time.time(),
        duration_ms=duration_ms,
    )


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
