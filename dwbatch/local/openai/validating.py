"""A file's lines, looked at after the batch was made: all faults are found, not only the first."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from dwbatch.local.limits import Limits, Model
from dwbatch.local.lines import Request

_KEYS = ("custom_id", "method", "url", "body")
# More would make the batch object longer than the file.
_MOST_FAULTS = 100

_read_line = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_anything = msgspec.json.Decoder().decode
_read_text = msgspec.json.Decoder(str).decode


class _Body(msgspec.Struct):
    """As much of a body as decides whether it is let in."""

    model: str | None = None
    stream: bool | None = None


_read_body = msgspec.json.Decoder(_Body).decode


class Fault(NamedTuple):
    """What is wrong with a line, in the words and the order of a batch's ``errors``."""

    code: str
    message: str
    param: str | None
    line: int | None

    def view(self) -> dict[str, Any]:
        """The fault as it is shown."""
        return self._asdict()


class Inspection:
    """Reads lines one by one, gives those that may run, and remembers what is wrong with the others.

    Parameters
    ----------
    endpoint : str
        The batch's endpoint, which every line must name.
    limits : Limits
        Bounds of this server.
    models : mapping of str to Model, optional
        Models on offer; None accepts every name.

    Attributes
    ----------
    faults : list of Fault
        What is wrong so far.

    Notes
    -----
    ``invalid_url`` is quoted in a test of another server [1]_; ``mismatched_model`` and
    ``duplicate_custom_id`` are documented by a compatible one [2]_. The other sentences are this server's own.

    .. [1] https://github.com/meta-llama/llama-stack/blob/main/tests/integration/batches/test_batches.py
    .. [2] https://help.aliyun.com/zh/model-studio/batch-interfaces-compatible-with-openai/
    """

    def __init__(self, *, endpoint: str, limits: Limits, models: Mapping[str, Model] | None) -> None:
        self.faults: list[Fault] = []
        self._endpoint = endpoint
        self._limits = limits
        self._models = models
        self._seen: set[str] = set()
        self._model: str | None = None

    def requests(self, lines: Iterator[bytes]) -> Iterator[Request]:
        """The lines that may run, in order; blank ones are passed over."""
        count = 0
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            count += 1
            if self._limits.max_requests_per_file and count > self._limits.max_requests_per_file:
                most = self._limits.max_requests_per_file
                sentence = f"The batch input file contains too many requests. The limit is {most} requests."
                self._note("too_many_requests", sentence, None, None)
                return
            request = self._request(line, number)
            if request is not None:
                yield request
        if not count:
            self._note("empty_file", "The input file is empty.", None, None)

    def _note(self, code: str, message: str, param: str | None, line: int | None) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(Fault(code, message, param, line))

    def _request(self, line: bytes, number: int) -> Request | None:
        try:
            given = _read_line(line)
            # What is only found is not looked into; a runner that cannot read a body would answer nobody.
            _read_anything(line)
        # A ValueError: not UTF-8, or a number of more digits than Python reads.
        except (msgspec.DecodeError, ValueError):
            self._note("invalid_json_line", "This line is not parseable as valid JSON.", None, number)
            return None
        for key in _KEYS:
            if key not in given:
                self._missing(key, number)
                return None
        try:
            custom_id, method, url = (_read_text(given[key]) for key in _KEYS[:3])
            body = _read_body(given["body"])
        except msgspec.ValidationError:
            sentence = "custom_id, method and url must be strings, and body an object."
            self._note("invalid_request", sentence, None, number)
            return None
        fault = self._fault(custom_id, method, url, body)
        if fault is not None:
            self._note(*fault, number)
            return None
        self._seen.add(custom_id)
        return Request(custom_id, method, url, body.model or "", bytes(given["body"]))

    def _missing(self, name: str, number: int) -> None:
        self._note("missing_required_parameter", f"Missing required parameter: '{name}'.", name, number)

    def _fault(self, custom_id: str, method: str, url: str, body: _Body) -> tuple[str, str, str] | None:
        if custom_id in self._seen:
            sentence = (
                f"The custom_id '{custom_id}' for this request is a duplicate of another request. "
                "The custom_id parameter must be unique for each request in a batch."
            )
            return "duplicate_custom_id", sentence, "custom_id"
        if method != "POST":
            return "invalid_method", "The HTTP method of this request must be POST.", "method"
        if url != self._endpoint:
            sentence = "The URL provided for this request does not match the batch endpoint."
            return "invalid_url", sentence, "url"
        if body.stream:
            return "invalid_request", "Streaming is not supported in the Batch API.", "body.stream"
        if body.model is None:
            return "missing_required_parameter", "Missing required parameter: 'body.model'.", "body.model"
        return self._model_fault(body.model)

    def _model_fault(self, model: str) -> tuple[str, str, str] | None:
        self._model = self._model or model
        if model != self._model:
            sentence = (
                f"The model '{model}' for this request does not match the rest of the batch. "
                "Each batch must contain requests for a single model."
            )
            return "mismatched_model", sentence, "body.model"
        if self._models is not None and model not in self._models:
            sentence = f"The provided model '{model}' is not supported by the Batch API."
            return "model_not_found", sentence, "body.model"
        return None
