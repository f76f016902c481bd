"""The answer of no model: what was asked, said again, the same every time."""

import hashlib
import struct
from typing import Any

import msgspec

_CHARACTERS_A_TOKEN = 4
_DIMENSIONS = 8

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
    """
    if url == "/v1/embeddings":
        return embeddings(body)
    return wrap(url, body, row_id, _said(body))


def wrap(url: str, body: dict[str, Any], row_id: str, text: str) -> dict[str, Any]:
    """A response body that says `text`, of the endpoint's own shape."""
    used = {"prompt": tokens(asked(body)), "completion": tokens(text)}
    model = body.get("model")
    if url == "/v1/responses":
        return _response(model, row_id, text, used)
    if url == "/v1/messages":
        return {
            "id": f"resp_{row_id}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": used["prompt"], "output_tokens": used["completion"]},
        }
    if url == "/v1/completions":
        choice = {"index": 0, "text": text, "finish_reason": "stop"}
        return _choices("cmpl", "text_completion", model, row_id, [choice], used)
    return chat(body, row_id, {"role": "assistant", "content": text}, finish_reason="stop", said=text)


def chat(
    body: dict[str, Any], row_id: str, message: dict[str, Any], *, finish_reason: str, said: str
) -> dict[str, Any]:
    """A chat completion with one message, or `n` times the same."""
    count = body.get("n")
    wanted = count if isinstance(count, int) and count > 0 else 1
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
    inputs = given if isinstance(given, list) else [given]
    dimensions = body.get("dimensions")
    size = dimensions if isinstance(dimensions, int) and dimensions > 0 else _DIMENSIONS
    used = sum(tokens(_text(one)) for one in inputs)
    vectors = [
        {"object": "embedding", "index": place, "embedding": vector(_text(one), size)}
        for place, one in enumerate(inputs)
    ]
    usage = {"prompt_tokens": used, "total_tokens": used}
    return {"object": "list", "model": body.get("model"), "data": vectors, "usage": usage}


def vector(text: str, size: int) -> list[float]:
    """A unit vector that is the same for the same text."""
    stream = hashlib.shake_128(text.encode("utf-8", "replace")).digest(4 * size)
    raw = [value / 2**31 for value in struct.unpack(f"<{size}i", stream)]
    length = sum(value * value for value in raw) ** 0.5 or 1.0
    return [value / length for value in raw]


def tokens(text: str) -> int:
    """A plausible number of tokens: one for four characters, never none."""
    return max(1, -(-len(text) // _CHARACTERS_A_TOKEN))


def asked(body: dict[str, Any]) -> str:
    """All the text that a request's body asks with."""
    messages = body.get("messages")
    if isinstance(messages, list):
        return "".join(_text(one.get("content")) for one in messages if isinstance(one, dict))
    return _text(body.get("input", body.get("prompt")))


def _said(body: dict[str, Any]) -> str:
    messages = body.get("messages")
    if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        return f"echo: {_text(messages[-1].get('content'))}"
    return f"echo: {_text(body.get('input', body.get('prompt')))}"


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list):
        parts = [one.get("text") for one in content if isinstance(one, dict)]
        if parts and all(isinstance(part, str) or part is None for part in parts):
            return " ".join(part for part in parts if part)
    return msgspec.json.encode(content).decode()
