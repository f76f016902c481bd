"""Result lines as servers write them."""

import json
from typing import Any


def dumps(value: Any) -> str:
    """JSON as the server writes it: no spaces, text beyond ASCII raw."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def chat_body(content: Any = "hi", finish_reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    """The body of a chat completion with one choice."""
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"content": content, **message}}
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
    return {"choices": [choice], "model": "mock-model", "object": "chat.completion", "usage": usage}


def line(custom_id: str | None, body: Any, *, http_status: int = 200) -> bytes:
    """A line of an output file, newline included."""
    response = {"status_code": http_status, "request_id": None, "body": body}
    text = dumps({"id": f"req-{custom_id}", "custom_id": custom_id, "response": response, "error": None})
    return text.encode() + b"\n"


def chat_line(custom_id: str | None, content: Any = "hi", finish_reason: str | None = "stop") -> bytes:
    """A line with a chat completion, newline included."""
    return line(custom_id, chat_body(content, finish_reason))


def error_line(custom_id: str, message: str | None, code: str | None = None) -> bytes:
    """A line of an error file, newline included."""
    error = {"code": code, "message": message}
    text = dumps({"id": f"req-{custom_id}", "custom_id": custom_id, "response": None, "error": error})
    return text.encode() + b"\n"


def reason(kind: str, **details: Any) -> str:
    """What the hosted server writes into `error.message`."""
    return dumps({"type": kind, "details": details} if details else {"type": kind})
