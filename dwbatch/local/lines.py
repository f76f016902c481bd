"""Request lines, read one by one as the real server reads them, with its words for each fault."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from dwbatch.local import reasoning, serde
from dwbatch.local.limits import CHAT, EMBEDDINGS, Limits, Model
from dwbatch.local.replies import Refusal
from dwbatch.local.scanner import SyntaxFault

PATHS = {
    "/v1/chat/completions": CHAT,
    "/v1/completions": CHAT,
    "/v1/embeddings": EMBEDDINGS,
    "/v1/responses": CHAT,
    "/v1/messages": CHAT,
}
MOST_CUSTOM_ID_BYTES = 64

# What an HTTP header value may not hold: the server keeps custom_ids to that
# rule, so every byte from 0x80 on passes although its message says ASCII.
_NOT_IN_A_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Line(msgspec.Struct, frozen=True):
    """One line as it is decoded; whatever else it holds is lost."""

    custom_id: str
    method: str
    url: str
    body: Any


class Request(NamedTuple):
    """One accepted request."""

    custom_id: str
    method: str
    url: str
    model: str
    body: bytes


_NAME = "OpenAIBatchRequest"
_FIELDS = {"custom_id": serde.STRING, "method": serde.STRING, "url": serde.STRING, "body": serde.ANYTHING}

# What stands around the four values: not a space, or one after each colon and comma. In the first there is
# no room for another field, in the second none for one of the four again.
COMPACT = len('{"custom_id":"","method":"","url":"","body":}')
SPACED = len('{"custom_id": "", "method": "", "url": "", "body": }')


class _RawLine(msgspec.Struct):
    """A line whose body was only found, not yet read."""

    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


_decode = msgspec.json.Decoder(_RawLine).decode
_decode_body = msgspec.json.Decoder().decode
_encode_sorted = msgspec.json.Encoder(order="sorted").encode


class Lines:
    """Lines of one file, read one by one; the first fault ends it.

    Parameters
    ----------
    limits : Limits
        Bounds of this server.
    models : mapping of str to Model, optional
        Models on offer; None accepts every name.
    """

    def __init__(self, *, limits: Limits, models: Mapping[str, Model] | None) -> None:
        self._limits = limits
        self._models = models
        self._number = 0
        self._offset = 0

    def requests(self, raws: Iterable[bytes]) -> Iterator[Request]:
        """Requests of the next lines, in order.

        Parameters
        ----------
        raws : iterable of bytes
            Lines with their newline; only the last of a file may have none.

        Yields
        ------
        Request
            Body as compact JSON with keys sorted at every depth.

        Raises
        ------
        Refusal
            With the real server's status and sentence; nothing of the file may be kept.
        """
        for raw in raws:
            line = _read_fast(raw)
            # What is not plainly good is looked at in the real server's order: is it text, is it blank, is it JSON.
            stripped = _stripped(raw, self._number, self._offset) if line is None else raw
            self._offset += len(raw)
            if not stripped:
                continue
            self.count(1)
            yield _request(
                line or _read(stripped, self._number), self._number, limits=self._limits, models=self._models
            )

    def count(self, more: int, *, size: int = 0) -> None:
        """Count requests, and bytes that were read elsewhere.

        Raises
        ------
        Refusal
            400 if the file holds more requests than it may.
        """
        most = self._limits.max_requests_per_file
        if most and self._number + more > most:
            raise Refusal(400, f"File contains {most + 1} requests, which exceeds the maximum of {most}")
        self._number += more
        self._offset += size

    def end(self) -> None:
        """Refuse a file without a request."""
        if not self._number:
            raise Refusal(400, "File contains no valid request templates")


def _stripped(raw: bytes, number: int, offset: int) -> bytes:
    """A line without the white space around it.

    Raises
    ------
    Refusal
        If it is not UTF-8. A sequence that the end of the file cuts is dropped, as the server does.
    """
    line = raw.removesuffix(b"\n")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        is_last = len(line) == len(raw)
        if not is_last or error.reason != "unexpected end of data":
            raise _not_utf8(error, number, offset) from error
        text = line[: error.start].decode("utf-8")
    return text.strip().encode()


def _not_utf8(error: UnicodeDecodeError, line: int, start: int) -> Refusal:
    return Refusal(
        400,
        f"File contains invalid UTF-8 on/near line {line} at byte offset {start + error.start}: "
        f"invalid utf-8 sequence of {error.end - error.start} bytes from index {start + error.start}",
    )


def _read(raw: bytes, number: int) -> Line:
    line = _read_fast(raw)
    if line is not None:
        return line
    try:
        return Line(**serde.Reader(raw).struct(_NAME, _FIELDS))
    except SyntaxFault as fault:
        raise Refusal(400, f"Invalid JSON on line {number}: {fault}") from fault


def _read_fast(raw: bytes) -> Line | None:
    """A line that is plainly good; None leaves it to the reader that knows the real server's words."""
    try:
        line = _decode(raw)
        # The fast decoder goes deeper than the real server does; a text without
        # that many brackets need not be looked at twice.
        is_deep = raw.count(b"[") + raw.count(b"{") >= serde.DEEPEST
        if is_deep or not _is_plain(raw, line):
            return None
        return Line(line.custom_id, line.method, line.url, _decode_body(line.body))
    # A ValueError: not UTF-8, or a number of more digits than Python reads.
    except (msgspec.DecodeError, ValueError):
        return None


def _is_plain(raw: bytes, line: _RawLine) -> bool:
    """Whether no field is there twice, and all is UTF-8, of which the decoder sees only what it keeps.

    Raises
    ------
    ValueError
        If it is not UTF-8.
    """
    around = len(raw.rstrip()) - len(line.body) - len(line.custom_id) - len(line.method) - len(line.url)
    if around <= COMPACT or (around <= SPACED and raw.isascii()):
        return True
    text = raw.decode("utf-8")
    if around <= SPACED:
        return True
    # There is room for more than four fields, though not all need be new ones.
    pairs = json.loads(text, object_pairs_hook=list)
    names = [pair[0] for pair in pairs if isinstance(pair, tuple)]
    return all(names.count(name) <= 1 for name in _FIELDS)


def _request(line: Line, number: int, *, limits: Limits, models: Mapping[str, Model] | None) -> Request:
    size = len(line.custom_id.encode())
    if size > MOST_CUSTOM_ID_BYTES:
        raise _refused(
            number, f"custom_id exceeds maximum length of {MOST_CUSTOM_ID_BYTES} characters (got {size})"
        )
    if _NOT_IN_A_HEADER.search(line.custom_id):
        raise _refused(
            number, "custom_id contains invalid characters: must be valid ASCII without control characters"
        )
    if line.method.upper() != "POST":
        raise _refused(number, f"Unsupported HTTP method '{line.method}'. Only POST is currently supported.")
    if line.url not in PATHS:
        raise _refused(number, f"Unsupported URL path '{line.url}'. Allowed paths are: {', '.join(PATHS)}")
    return _with_body(line, number, limits=limits, models=models)


def _with_body(line: Line, number: int, *, limits: Limits, models: Mapping[str, Model] | None) -> Request:
    model = line.body.get("model") if isinstance(line.body, dict) else None
    if not isinstance(model, str):
        raise _refused(number, "Missing 'model' field in request body")
    if models is not None:
        _check_model(line, model, number, models)
    fault = reasoning.fault(line.url, line.body)
    if fault is not None:
        raise _refused(number, fault)
    line.body.pop("priority", None)
    body = _encode_sorted(line.body)
    if len(body) > limits.max_body_bytes:
        raise _refused(
            number,
            f"Request body is {len(body)} bytes, which exceeds the maximum allowed size of "
            f"{limits.max_body_bytes} bytes",
        )
    return Request(line.custom_id, line.method, line.url, model, body)


def _check_model(line: Line, model: str, number: int, models: Mapping[str, Model]) -> None:
    if model not in models:
        raise Refusal(
            403, f"Line {number}: Model '{model}' has not been configured or is not available to user"
        )
    if not fits(models[model], line.url):
        raise _refused(
            number,
            f"Model '{model}' is a {models[model].kind} model but endpoint '{line.url}' requires a "
            f"{PATHS[line.url]} model",
        )


def fits(model: Model, url: str) -> bool:
    """Whether a model may be asked at an endpoint; one of no known kind may be asked anywhere."""
    return not model.kind or model.kind == PATHS[url]


def _refused(number: int, text: str) -> Refusal:
    return Refusal(400, f"Line {number}: {text}")
