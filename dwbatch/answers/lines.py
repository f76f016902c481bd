"""One result line of any kind → one result: tolerant, and therefore slow."""

import json
import re
from typing import Any, NamedTuple

import msgspec

from dwbatch.answers.failures import Failure, from_error, from_http
from dwbatch.answers.results import Result
from dwbatch.answers.shapes import model_of, read_body, tokens_of
from dwbatch.columns import ErrorCode, Status

_FIRST_ERROR_STATUS = 400
_CUSTOM_ID = re.compile(rb'"custom_id"\s*:\s*("(?:[^"\\]|\\.)*")')

#: All that msgspec raises for bytes that are not the JSON asked for.
MISFITS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Response(msgspec.Struct):
    status_code: Any = None
    body: msgspec.Raw = msgspec.Raw(b"")


class _Line(msgspec.Struct):
    id: Any = None
    custom_id: Any = None
    response: _Response | None = None
    error: Any = None


class _Parsed(NamedTuple):
    line_id: str | None
    custom_id: str | None
    http_status: int | None
    body: Any
    body_text: str | None
    error: Any

    @property
    def has_response(self) -> bool:
        return self.http_status is not None or self.body_text is not None


_LINE = msgspec.json.Decoder(_Line)


def read_line(line: bytes) -> Result:
    """What one result line says, whatever stands in it.

    Parameters
    ----------
    line : bytes
        One line of an output or error file, with or without its newline.

    Returns
    -------
    Result
        A line that is not UTF-8, not a JSON object, or has neither a response nor an
        error is `ErrorCode.MALFORMED_LINE`, with its custom_id if that can be seen.
    """
    parsed = _parse(line)
    if parsed is None or (not parsed.has_response and not parsed.error):
        custom_id = parsed.custom_id if parsed else _visible_custom_id(line)
        line_id = parsed.line_id if parsed else None
        sentence = "The result line of this row is not valid JSON, or not a result."
        return Result(custom_id, line_id, Status.FAILED, ErrorCode.MALFORMED_LINE, sentence)
    failure = _failure(parsed)
    if failure is not None:
        status, code, sentence, body = failure
        return Result(parsed.custom_id, parsed.line_id, status, code, sentence, body=body)
    verdict = read_body(parsed.body)
    prompt_tokens, completion_tokens = tokens_of(parsed.body)
    return Result(
        parsed.custom_id,
        parsed.line_id,
        verdict.status,
        verdict.code,
        verdict.error,
        verdict.content,
        verdict.finish_reason,
        model_of(parsed.body),
        prompt_tokens,
        completion_tokens,
        parsed.body_text,
    )


def _failure(parsed: _Parsed) -> Failure | None:
    """The failure that a line reports, or None where its body is to be read."""
    error = from_error(parsed.error) if parsed.error else None
    http_status = parsed.http_status
    if http_status is not None and http_status >= _FIRST_ERROR_STATUS:
        if error is not None and error.status is not Status.FAILED:
            return error
        otherwise = error.sentence if error else None
        return from_http(http_status, parsed.body, body_text=parsed.body_text, otherwise=otherwise)
    # An answer beside an error was paid for: the body is read first, and the
    # error stands only where the body holds no answer.
    if error is not None and (parsed.body is None or read_body(parsed.body).status is Status.FAILED):
        return error._replace(body=error.body or parsed.body_text)
    return None


def _parse(line: bytes) -> _Parsed | None:
    try:
        line.decode()
    except UnicodeDecodeError:
        return None
    try:
        wire = _LINE.decode(line)
    except MISFITS:
        return _parse_odd(line)
    response = wire.response
    raw = bytes(response.body) if response is not None else b""
    body = _loads(raw) if raw else None
    http_status = response.status_code if response is not None else None
    text = raw.decode() if body is not None else None
    return _Parsed(_name(wire.id), _name(wire.custom_id), _http_status(http_status), body, text, wire.error)


def _parse_odd(line: bytes) -> _Parsed | None:
    # Python's reader accepts what msgspec does not: NaN, half a surrogate pair.
    # Such a body cannot be cut out of the line as it stood, so it is written anew.
    wire = _loads(line)
    if not isinstance(wire, dict):
        return None
    response = wire.get("response")
    body = response.get("body") if isinstance(response, dict) else None
    http_status = response.get("status_code") if isinstance(response, dict) else None
    text = json.dumps(body, separators=(",", ":")) if body is not None else None
    return _Parsed(
        _name(wire.get("id")),
        _name(wire.get("custom_id")),
        _http_status(http_status),
        body,
        text,
        wire.get("error"),
    )


def _loads(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _http_status(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _name(value: Any) -> str | None:
    # Some servers give a custom_id that looks like a number back as one.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None


def _visible_custom_id(line: bytes) -> str | None:
    seen = _CUSTOM_ID.search(line)
    return _name(_loads(seen[1])) if seen else None
