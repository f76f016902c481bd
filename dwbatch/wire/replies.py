"""An error reply, whichever of its many shapes it came in, as one sentence with a hint."""

import html
import http
import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from dwbatch.errors import ApiError

MAX_SENTENCE = 500
MAX_PAGE = 8192

# No time to wait has more digits; a longer number is noise.
_SECONDS = re.compile(r"\s*(\d{1,12}(?:\.\d{1,12})?)\s*\Z", re.ASCII)


def api_error(call: str, status: int, *, headers: Mapping[str, str], body: bytes, now: float) -> ApiError:
    """The error that a reply tells of.

    Parameters
    ----------
    call : str
        Method and path, as in ``"POST /batches"``.
    status : int
        HTTP status, 400 or more.
    headers : mapping of str to str
        Of the reply, looked up in any case.
    body : bytes
        As much of the body as came.
    now : float
        Seconds since 1970, against which a date in ``Retry-After`` is measured.

    Returns
    -------
    ApiError
        With the server's own words, at most `MAX_SENTENCE` printable characters of them.

    Notes
    -----
    The hosted service answers most errors in plain text, 429 and 503 as
    ``{"error": code, "message": …}``, conflicts as ``{"message": …}``, and its inference side as
    ``{"error": {"message": …}}``; a proxy in front may answer with a page of HTML (recorded).
    """
    sentence = sentence_in(body) or _phrase(status)
    return ApiError(call, status, sentence, retry_after(headers, body, now), _hint(status, sentence))


def sentence_in(body: bytes) -> str:
    """The words of an error body for a person; empty if it has none."""
    text = body.decode("utf-8", "replace")
    found = _from_json(body)
    if found is None and text.lstrip()[:1] == "<":
        found = _from_html(text)
    words = " ".join((text if found is None else found).split())
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)
    return shown if len(shown) <= MAX_SENTENCE else f"{shown[: MAX_SENTENCE - 1]}…"


def retry_after(headers: Mapping[str, str], body: bytes, now: float) -> float | None:
    """Seconds that the server asks to wait, the header believed before the body.

    Parameters
    ----------
    headers : mapping of str to str
        ``Retry-After`` may be seconds or an HTTP date.
    body : bytes
        ``retry_after_seconds`` stands in some JSON errors; the hosted service says 60 in the header
        and 30 in the body of one and the same 429 (recorded).
    now : float
        Seconds since 1970.

    Returns
    -------
    float or None
        Not negative, not capped; None if the server names no time that can be read.
    """
    header = headers.get("Retry-After")
    if header is not None and (seconds := _seconds(header, now)) is not None:
        return seconds
    named = _json_object(body).get("retry_after_seconds")
    if isinstance(named, int | float) and not isinstance(named, bool) and math.isfinite(named):
        return max(0.0, float(named))
    return None


def _seconds(header: str, now: float) -> float | None:
    if match := _SECONDS.match(header):
        return float(match[1])
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (ValueError, TypeError, OverflowError, OSError, IndexError):
        return None


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _from_json(body: bytes) -> str | None:
    found = _json_object(body)
    inner = found.get("error")
    nested = inner.get("message") if isinstance(inner, dict) else None
    for words in (nested, found.get("message"), inner, found.get("detail")):
        if isinstance(words, str) and words.strip():
            return words
    return None


def _from_html(page: str) -> str:
    # A bound, because the patterns take quadratic time on hostile pages.
    page = page[:MAX_PAGE]
    title = re.search(r"<title[^>]*>(.*?)</title", page, re.DOTALL | re.IGNORECASE)
    if title and title[1].strip():
        return html.unescape(title[1])
    unscripted = re.sub(r"<(script|style)\b.*?</\1\s*>", " ", page, flags=re.DOTALL | re.IGNORECASE)
    return html.unescape(re.sub(r"<[^>]*>", " ", unscripted))[:100]


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "an error without words"


def _hint(status: int, sentence: str) -> str | None:
    if status == http.HTTPStatus.FORBIDDEN and "has not been configured or is not available" in sentence:
        return (
            "This is about the name of the model, not about the key: see the models that the account may use."
        )
    if status == http.HTTPStatus.TOO_MANY_REQUESTS and "Unverified accounts" in sentence:
        return "Waiting does not help: verify the account, or send fewer rows."
    return _HINTS.get(status)


_HINTS: dict[int, str] = {
    401: "The key is missing, unknown, revoked or of another purpose: an inference key is needed, "
    "as api_key or in DOUBLEWORD_API_KEY.",
    402: "Top up the account, then make the same call again: it goes on where it stopped.",
    405: "The base URL is probably wrong: it ends in '/v1' for the hosted service and in '/ai/v1' for a "
    "server of your own.",
    407: "The proxy wants a password: give a session with proxies that hold it.",
    413: "The file is larger than this server accepts: a smaller max_bytes_per_batch makes smaller files.",
}
