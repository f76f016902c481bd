"""One result line of any kind → one result: tolerant, and therefore slow."""

import json
import re
from typing import Any, NamedTuple

import msgspec

from dwbatch.answers.failures import Failure, from_error, from_http
from dwbatch.answers.plain import MISFITS
from dwbatch.answers.results import Result
from dwbatch.answers.shapes import model_of, read_body, tokens_of
from dwbatch.answers.vectors import vector_of
from dwbatch.columns import ErrorCode, Status

_FIRST_ERROR_STATUS = 400
_CUSTOM_ID = re.compile(rb'"custom_id"\s*:\s*("(?:[^"\\]|\\.)*")')
_MALFORMED = "The result line of this row is not valid JSON, or not a result."


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
    try:
        parsed = _parse(line.decode("utf-8-sig"))
        return _read(parsed) if parsed is not None else _malformed(line)
    except (UnicodeDecodeError, RecursionError):
        return _malformed(line)


def _read(parsed: _Parsed) -> Result:
    names = (parsed.custom_id, parsed.line_id)
    if not parsed.has_response and not parsed.error:
        return Result(*names, Status.FAILED, ErrorCode.MALFORMED_LINE, _MALFORMED)
    failure = _failure(parsed)
    if failure is not None:
        return Result(*names, failure.status, failure.code, failure.sentence, body=failure.body)
    verdict = read_body(parsed.body)
    vector = vector_of(parsed.body)
    return Result(
        *names,
        verdict.status,
        verdict.code,
        verdict.error,
        verdict.content,
        verdict.finish_reason,
        model_of(parsed.body),
        *tokens_of(parsed.body),
        # The numbers are the whole of such a body, and take a third of its bytes.
        parsed.body_text if vector is None else None,
        vector,
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


def _malformed(line: bytes) -> Result:
    seen = _CUSTOM_ID.search(line)
    custom_id = _name(_loads(seen[1].decode(errors="replace"))) if seen else None
    return Result(custom_id, None, Status.FAILED, ErrorCode.MALFORMED_LINE, _MALFORMED)


def _parse(text: str) -> _Parsed | None:
    try:
        wire = _LINE.decode(text)
    except MISFITS:
        return _parse_odd(text)
    response = wire.response or _Response()
    body_text = bytes(response.body).decode()
    body = _loads(body_text)
    return _Parsed(
        _name(wire.id),
        _name(wire.custom_id),
        _http_status(response.status_code),
        body,
        body_text if body is not None else None,
        wire.error,
    )


def _parse_odd(text: str) -> _Parsed | None:
    # Python's reader accepts what msgspec does not: NaN, half a surrogate pair.
    # Such a body cannot be cut out of the line as it stood, so it is written anew.
    wire = _loads(text)
    if not isinstance(wire, dict):
        return None
    response = wire.get("response")
    if not isinstance(response, dict):
        response = {}
    body = response.get("body")
    return _Parsed(
        _name(wire.get("id")),
        _name(wire.get("custom_id")),
        _http_status(response.get("status_code")),
        body,
        json.dumps(body, separators=(",", ":")) if body is not None else None,
        wire.get("error"),
    )


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _http_status(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _name(value: Any) -> str | None:
    # Some servers give a custom_id that looks like a number back as one.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else None
