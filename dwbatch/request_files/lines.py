"""One line of a request file: what it asks for, or all that is wrong with it."""

import json
from dataclasses import dataclass

from dwbatch.prompts.encode import canonical
from dwbatch.prompts.endpoints import CHAT, COMPLETIONS, RESPONSES
from dwbatch.prompts.identity import MAX_CUSTOM_ID

URLS = (CHAT, COMPLETIONS, "/v1/embeddings", RESPONSES, "/v1/messages")


@dataclass(frozen=True, slots=True)
class Request:
    """What a line asks for.

    Parameters
    ----------
    custom_id, url, model : str
    body : str
        Canonical JSON: keys sorted, no spaces, numbers as they are read.
    """

    custom_id: str
    url: str
    model: str
    body: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a server would refuse, or mix up.

    Parameters
    ----------
    line : int
        Counted from 1, blank lines too, as an editor does.
    sentence : str
    """

    line: int
    sentence: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.sentence}"


def read_request(line: bytes) -> Request | list[str]:
    """What a line asks for; or else a sentence for each of its faults.

    Notes
    -----
    The server names the first fault of the first bad line, refuses the whole file for it, and takes two lines
    of one custom_id without a word (control-layer, ``files.rs``).
    """
    try:
        parsed = json.loads(line.decode(), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        return [f"it is not UTF-8 (byte {error.start + 1} of the line)"]
    except (ValueError, RecursionError) as error:
        return [f"it is not JSON ({error})"]
    if not isinstance(parsed, dict):
        return ["it is JSON, but no object"]
    custom_id, url, body = parsed.get("custom_id"), parsed.get("url"), parsed.get("body")
    faults = [*_of_custom_id(custom_id), *_of_method(parsed.get("method")), *_of_url(url), *_of_body(body)]
    if faults or not isinstance(body, dict):
        return faults
    # What the server drops without a word is no part of the request.
    written = canonical({name: value for name, value in body.items() if name != "priority"})
    try:
        written.encode()
    except UnicodeEncodeError:
        return ["its body holds a lone surrogate, which UTF-8 cannot express"]
    return Request(str(custom_id), str(url), body["model"], written)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


def _of_custom_id(custom_id: object) -> list[str]:
    if custom_id is None:
        return ["it has no 'custom_id'"]
    if not isinstance(custom_id, str) or not custom_id:
        return [f"its 'custom_id' is {_shown(custom_id)}, not a text that is not empty"]
    if not (custom_id.isascii() and custom_id.isprintable()):
        return [f"its 'custom_id' {_shown(custom_id)} is not printable ASCII, and travels in an HTTP header"]
    if len(custom_id) > MAX_CUSTOM_ID:
        return [f"its 'custom_id' is {len(custom_id)} bytes long; at most {MAX_CUSTOM_ID} are taken"]
    return []


def _of_method(method: object) -> list[str]:
    if method is None:
        return ["it has no 'method'"]
    return [] if str(method).upper() == "POST" else [f"its 'method' is {_shown(method)}, not 'POST'"]


def _of_url(url: object) -> list[str]:
    if url is None:
        return ["it has no 'url'"]
    return [] if url in URLS else [f"its 'url' is {_shown(url)}, none of {', '.join(URLS)}"]


def _of_body(body: object) -> list[str]:
    if not isinstance(body, dict):
        return ["it has no 'body'" if body is None else "its 'body' is no object"]
    faults = []
    if not isinstance(body.get("model"), str) or not body["model"].strip():
        faults.append("its body names no 'model'")
    if body.get("stream"):
        faults.append("its body sets 'stream', which a batch cannot do")
    return faults


def _shown(value: object) -> str:
    told = repr(value)
    return told if len(told) <= 80 else f"{told[:79]}…"  # noqa: PLR2004 - a line's worth
