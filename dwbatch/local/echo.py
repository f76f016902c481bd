"""The answer of no model: what was asked, said again, the same every time."""

import base64
import hashlib
import struct
from typing import Any

from dwbatch.local import saying
from dwbatch.local.saying import as_text, asked, tokens

_DIMENSIONS = 8
MOST_DIMENSIONS = 65_536
MOST_CHOICES = 128

# What the real server writes into every response that says nothing of these.
_RESPONSE_DEFAULTS: dict[str, Any] = {
    "object": "response",
    "status": "completed",
    "created_at": 0,
    "completed_at": 0,
    "background": False,
    "error": None,
    "frequency_penalty": 0.0,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": None,
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": None,
    "safety_identifier": None,
    "service_tier": "default",
    "store": False,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}

# Of the endpoints that answer with a text, those that do not answer with a chat completion.
_WRAPPED = {"/v1/responses", "/v1/messages", "/v1/completions"}

_INCOMPLETE = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


def echo(url: str, body: dict[str, Any], row_id: str) -> dict[str, Any]:
    """A whole response body for a request of any endpoint.

    Parameters
    ----------
    url : str
        The endpoint, as in ``"/v1/chat/completions"``.
    body : dict
        The request's body.
    row_id : str
        UUID of the row, from which the response's id is made.

    Returns
    -------
    dict
        The body of a response, of the endpoint's own shape.

    Raises
    ------
    NoValueError
        If the body asks for a schema that no value fits.
    TooMuchError
        If it asks for more choices or dimensions than there are.
    """
    if url == "/v1/embeddings":
        return embeddings(body)
    if url == "/v1/completions":
        return _completions(body, row_id)
    called = saying.tool_call(url, body)
    if called is not None:
        message = {"role": "assistant", "content": None, "tool_calls": [called]}
        arguments = called["function"]["arguments"]
        return chat(body, row_id, message, finish_reason="tool_calls", said=arguments)
    text, is_cut = saying.cut(body, saying.text(url, body))
    return wrap(url, body, row_id, text, is_cut=is_cut)


def wrap(url: str, body: dict[str, Any], row_id: str, text: str, *, is_cut: bool = False) -> dict[str, Any]:
    """A response body that says `text`, of the endpoint's own shape; cut, if it ran into a bound."""
    if url not in _WRAPPED:
        return chat(
            body, row_id, {"role": "assistant", "content": text}, finish_reason=_reason(is_cut), said=text
        )
    used = {"prompt": tokens(asked(body)), "completion": tokens(text)}
    model = body.get("model")
    if url == "/v1/responses":
        return _response(model, row_id, text, used) | (_INCOMPLETE if is_cut else {})
    if url == "/v1/messages":
        return {
            "id": f"resp_{row_id}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "max_tokens" if is_cut else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": used["prompt"], "output_tokens": used["completion"]},
        }
    choice = {"index": 0, "text": text, "finish_reason": _reason(is_cut)}
    return _choices("cmpl", "text_completion", model, row_id, [choice], used)


def _reason(is_cut: bool) -> str:  # noqa: FBT001 - a reply's word for a boolean
    return "length" if is_cut else "stop"


def _completions(body: dict[str, Any], row_id: str) -> dict[str, Any]:
    """A choice for each prompt, `n` times."""
    given = body.get("prompt")
    prompts = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
    texts = [saying.cut(body, f"echo: {as_text(prompt)}") for prompt in prompts for _ in range(_wanted(body))]
    choices = [
        {"index": place, "text": text, "finish_reason": _reason(is_cut)}
        for place, (text, is_cut) in enumerate(texts)
    ]
    used = {"prompt": tokens(asked(body)), "completion": sum(tokens(text) for text, _ in texts)}
    return _choices("cmpl", "text_completion", body.get("model"), row_id, choices, used)


def _wanted(body: dict[str, Any]) -> int:
    return saying.count(body, "n", usual=1, most=MOST_CHOICES)


def chat(
    body: dict[str, Any], row_id: str, message: dict[str, Any], *, finish_reason: str, said: str
) -> dict[str, Any]:
    """A chat completion with one message, or `n` times the same."""
    wanted = _wanted(body)
    choices = [
        {"index": place, "message": message, "finish_reason": finish_reason} for place in range(wanted)
    ]
    used = {"prompt": tokens(asked(body)), "completion": wanted * tokens(said)}
    return _choices("chatcmpl", "chat.completion", body.get("model"), row_id, choices, used)


def _choices(
    prefix: str, kind: str, model: Any, row_id: str, choices: list[dict[str, Any]], used: dict[str, int]
) -> dict[str, Any]:
    return {
        "id": f"{prefix}-{row_id.replace('-', '')[-12:]}",
        "object": kind,
        # A constant, because two runs over the same rows must give the same bytes.
        "created": 0,
        "model": model,
        "choices": choices,
        "usage": {
            "prompt_tokens": used["prompt"],
            "completion_tokens": used["completion"],
            "total_tokens": used["prompt"] + used["completion"],
        },
    }


def _response(model: Any, row_id: str, text: str, used: dict[str, int]) -> dict[str, Any]:
    said = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    message = {
        "type": "message",
        "id": "item_0",
        "status": "completed",
        "role": "assistant",
        "content": [said],
    }
    return _RESPONSE_DEFAULTS | {
        "id": f"resp_{row_id}",
        "model": model,
        "output": [message],
        "usage": {
            "input_tokens": used["prompt"],
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": used["completion"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": used["prompt"] + used["completion"],
        },
    }


def embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """Vectors of length one for each input, drawn from a hash of its text."""
    given = body.get("input")
    # A list of numbers is one text that its sender has cut into tokens.
    inputs = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
    size = saying.count(body, "dimensions", usual=_DIMENSIONS, most=MOST_DIMENSIONS)
    texts = [as_text(one) for one in inputs]
    vectors = [
        {"object": "embedding", "index": place, "embedding": _encoded(vector(text, size), body)}
        for place, text in enumerate(texts)
    ]
    used = sum(map(tokens, texts))
    usage = {"prompt_tokens": used, "total_tokens": used}
    return {"object": "list", "model": body.get("model"), "data": vectors, "usage": usage}


def _encoded(numbers: list[float], body: dict[str, Any]) -> list[float] | str:
    if body.get("encoding_format") != "base64":
        return numbers
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def vector(text: str, size: int) -> list[float]:
    """A unit vector that is the same for the same text."""
    stream = hashlib.shake_128(text.encode("utf-8", "replace")).digest(4 * size)
    raw = [value / 2**31 for value in struct.unpack(f"<{size}i", stream)]
    length = sum(value * value for value in raw) ** 0.5 or 1.0
    return [value / length for value in raw]
