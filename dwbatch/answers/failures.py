"""Why a row failed: the server's error, peeled down to one code and one sentence."""

import html
import json
import re
from typing import Any, NamedTuple

from dwbatch.columns import ErrorCode, Status, http_code

MAX_SENTENCE = 2_000

_FIRST_ERROR_STATUS = 400
_LAST_ERROR_STATUS = 599
# An envelope is peeled in three steps (text, error, message), and a gateway may
# wrap another's envelope into its own message; two deep is what was seen.
_MAX_LAYERS = 9

_REASON_CODES: dict[str, str] = {
    "NetworkError": ErrorCode.NETWORK_ERROR,
    "TaskTerminated": ErrorCode.NETWORK_ERROR,
    "Timeout": ErrorCode.TIMEOUT,
    "BatchTerminated": ErrorCode.BATCH_FAILED,
    # Final, like a 400: the request cannot be sent as it is written.
    "RequestBuilderError": http_code(400),
}
_REASON_SENTENCES: dict[str, str] = {
    "NetworkError": "The server could not reach the model.",
    "TaskTerminated": "The server stopped while this request was running.",
    "Timeout": "The model did not answer the server in time.",
    "BatchTerminated": "The batch ended before this request was answered.",
    "RequestBuilderError": "The server could not build the request as it is written.",
}
_UNKNOWN = "The server reported an error without words."
_NOT_SHOWN = re.compile(r"(?is)<(script|style|head)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>")
_LOOKS_LIKE_HTML = re.compile(r"(?is)\s*<(!doctype|html|head|body|h\d|p|div|center|\?xml)\b")


class Failure(NamedTuple):
    """Why a row is not answered.

    Parameters
    ----------
    status : Status
        Failed, expired or cancelled.
    code : str
        One of `ErrorCode`, or ``http_`` and the upstream's status.
    sentence : str
        The upstream's own words, at most `MAX_SENTENCE` characters.
    body : str, optional
        The upstream's body text as it stood, if the server passed it on.
    """

    status: Status
    code: str
    sentence: str
    body: str | None = None


#: What a batch's end means for a request that it did not answer, by error code.
UNANSWERED: dict[str, Failure] = {
    failure.code: failure
    for failure in (
        Failure(
            Status.CANCELLED,
            ErrorCode.BATCH_CANCELLED,
            "The batch was cancelled before this request was answered.",
        ),
        Failure(
            Status.EXPIRED,
            ErrorCode.BATCH_EXPIRED,
            "The batch expired before this request was answered.",
        ),
        Failure(
            Status.FAILED,
            ErrorCode.BATCH_FAILED,
            "The batch failed before this request was answered.",
        ),
        Failure(
            Status.MISSING,
            ErrorCode.NO_RESULT_LINE,
            "The batch is over and has no result line for this request.",
        ),
    )
}
# OpenAI writes a line with one of these codes for each request that was not
# answered; the hosted server writes none.
_LINE_CODES = frozenset({ErrorCode.BATCH_CANCELLED.value, ErrorCode.BATCH_EXPIRED.value})


def from_error(error: Any) -> Failure:
    """Failure that the ``error`` of a result line means.

    Parameters
    ----------
    error : object
        The decoded JSON value: ``{"code", "message"}``, or whatever stands there.

    Returns
    -------
    Failure
        `ErrorCode.UNKNOWN_ERROR`, with the text, where the words are not the usual ones.

    Notes
    -----
    The hosted server leaves ``code`` null and writes JSON text into ``message``:
    ``{"type", "details": {"status", "body"}}`` or ``{"type", "details": {"error"}}``,
    where ``body`` is the upstream's text and may again be JSON. OpenAI instead
    fills ``code``, as in ``batch_expired``.
    """
    code = error.get("code") if isinstance(error, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    if isinstance(code, str) and code in _LINE_CODES:
        usual = UNANSWERED[code]
        return usual._replace(sentence=sentence_in(message) or usual.sentence)
    reason = _json(message)
    if isinstance(reason, dict) and ("details" in reason or str(reason.get("type")) in _REASON_CODES):
        return _from_reason(reason)
    sentence = sentence_in(message if message is not None else error)
    return Failure(Status.FAILED, _numeric_code(code), sentence or _UNKNOWN)


def from_http(http_status: int, body: Any, *, body_text: str | None, otherwise: str | None = None) -> Failure:
    """Failure that an upstream's HTTP status and body mean.

    Parameters
    ----------
    http_status : int
        The upstream's own status.
    body : object
        Its body: decoded JSON, or text.
    body_text : str, optional
        The body as it stood, kept beside the sentence.
    otherwise : str, optional
        The sentence to use where the body says nothing.
    """
    sentence = (
        sentence_in(body) or otherwise or f"The model's server answered with HTTP status {http_status}."
    )
    return Failure(Status.FAILED, _numeric_code(http_status), sentence, body_text)


def sentence_in(value: Any) -> str | None:
    """Innermost human sentence of an error body, or None if it says nothing.

    Peels JSON text inside JSON text, knows the usual envelopes
    (``{"error": {"message"}}``, ``{"error", "message"}``, ``{"message"}``, ``{"detail"}``)
    and leaves out the markup of an HTML page. At most `MAX_SENTENCE` characters.

    Examples
    --------
    >>> sentence_in('{"error": {"message": "context too long", "code": 400}}')
    'context too long'
    >>> sentence_in("<html><body>502 Bad Gateway</body></html>")
    '502 Bad Gateway'
    """
    for _ in range(_MAX_LAYERS):
        inner = _peel(value)
        if inner is None:
            break
        value = inner
    if value is None or value in ("", {}, []):
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _shown(text) or None


def _from_reason(reason: dict[str, Any]) -> Failure:
    details = reason.get("details")
    if not isinstance(details, dict):
        details = {"error": details}
    http_status = details.get("status")
    if isinstance(http_status, int):
        body = details.get("body")
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        return from_http(http_status, body, body_text=text)
    kind = str(reason.get("type"))
    sentence = sentence_in(details.get("error")) or _REASON_SENTENCES.get(kind) or sentence_in(reason)
    return Failure(Status.FAILED, _REASON_CODES.get(kind, ErrorCode.UNKNOWN_ERROR), sentence or _UNKNOWN)


def _numeric_code(code: Any) -> str:
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == len("400"):
        code = int(code)
    is_status = isinstance(code, int) and _FIRST_ERROR_STATUS <= code <= _LAST_ERROR_STATUS
    return http_code(code) if is_status else ErrorCode.UNKNOWN_ERROR.value


def _peel(value: Any) -> Any:
    """One layer less, or None where `value` is the innermost."""
    if isinstance(value, str):
        inner = _json(value)
        return inner if isinstance(inner, dict | list | str) else None
    if isinstance(value, list):
        return value[0] if len(value) == 1 else None
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, dict | list) and error:
        return error
    named = (value.get(name) for name in ("message", "msg", "detail", "error_description", "error", "title"))
    return next((said for said in named if said), None)


def _json(text: Any) -> Any:
    if not isinstance(text, str) or not text.lstrip().startswith(("{", "[", '"')):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _shown(text: str) -> str:
    if _LOOKS_LIKE_HTML.match(text):
        # A proxy's page may have any size; its beginning says it.
        page = text[: 10 * MAX_SENTENCE]
        text = " ".join(html.unescape(_NOT_SHOWN.sub(" ", page)).split()) or text
    text = text.strip()
    return text if len(text) <= MAX_SENTENCE else text[: MAX_SENTENCE - 1] + "…"
