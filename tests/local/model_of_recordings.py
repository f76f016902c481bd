"""The model that stood behind the recorded server: obeys words in the prompt, and keeps slow rows until told."""

import base64
import json
import re
import struct
import threading
from typing import Any

from dwbatch.local import Reply

QUICK_S = 1.0

_SLOW = re.compile(r"SLOW:([0-9.]+)")
_FAIL = re.compile(r"FAIL([45][0-9][0-9])")
_USAGE = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}
_TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


class Model:
    """A callable for `Server(answer=…)` whose rows wait at a gate instead of sleeping.

    The recorded model slept as many seconds as a prompt asked for. Here a row waits until the test lets
    it through, and rows are let through in the order in which they would have woken up.
    """

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._arrived = 0
        self._is_open = False

    def __call__(self, body: dict[str, Any]) -> dict[str, Any] | Reply | str:
        text = json.dumps(body.get("messages", body.get("input", body.get("prompt"))))
        found = _SLOW.search(text)
        self._wait(float(found[1]) if found else 0.0)
        return _answer(body, text)

    def _wait(self, seconds: float) -> None:
        ticket = threading.Event()
        with self._lock:
            if self._is_open:
                return
            self._arrived += 1
            self._waiting.append((seconds, self._arrived, ticket))
            self._lock.notify_all()
        ticket.wait()

    def wait_for_arrivals(self, rows: int) -> None:
        """Wait until so many rows stand at the gate, or ten seconds, where fewer will ever come."""
        with self._lock:
            self._lock.wait_for(lambda: len(self._waiting) >= rows, timeout=10)

    def let_one_through(self, *, below_s: float = float("inf")) -> bool:
        """Let the row through that would have woken up first, if one shorter than `below_s` waits."""
        with self._lock:
            self._waiting.sort(key=lambda ticket: ticket[:2])
            if not self._waiting or self._waiting[0][0] >= below_s:
                return False
            self._waiting.pop(0)[2].set()
            return True

    def open_for_good(self) -> None:
        """Let everybody through from now on."""
        with self._lock:
            self._is_open = True
        while self.let_one_through():
            pass


def _answer(body: dict[str, Any], text: str) -> dict[str, Any] | Reply | str:
    if found := _FAIL.search(text):
        # A string is kept as it is, with the spaces that this model wrote.
        failure = {"message": f"mock failure {found[1]}", "type": "mock_error", "code": found[1]}
        return Reply(int(found[1]), json.dumps({"error": failure}))
    if "FAILTEXT" in text:
        return Reply(400, "<html>no such thing</html>")
    if body["model"] == "mock-embed":
        return _embeddings(body)
    if "prompt" in body:
        choice = {"index": 0, "text": f"echo: {body['prompt']}", "finish_reason": "stop"}
        return _completion("text_completion", body, [choice])
    # For /v1/responses and /v1/messages the server makes the shape out of a text.
    if "input" in body:
        return f"echo: {body['input']}"
    if "max_tokens" in body:
        return f"echo: {body['messages'][-1]['content']}"
    return _chat(body, text)


def _chat(body: dict[str, Any], text: str) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": f"echo: {body['messages'][-1]['content']}"}
    reason = "stop"
    if "JSONOUT" in text:
        message["content"] = '{"sentiment": "neutral"}'
    elif "LENGTH" in text:
        message["content"], reason = "cut off he", "length"
    elif "REFUSE" in text:
        message["content"], reason = "", "content_filter"
    elif "EMPTY" in text:
        message["content"] = ""
    elif "TOOLS" in text:
        message, reason = {"role": "assistant", "tool_calls": [_TOOL_CALL]}, "tool_calls"
    choices = [
        {"index": place, "message": message, "finish_reason": reason} for place in range(body.get("n", 1))
    ]
    return _completion("chat.completion", body, choices)


def _completion(kind: str, body: dict[str, Any], choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": "cmpl-1" if kind == "text_completion" else "chatcmpl-1",
        "object": kind,
        "created": 1,
        "model": body["model"],
        "choices": choices,
        "usage": _USAGE,
    }


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    vectors: list[Any] = [[float(len(text)), 0.5, 0.25] for text in inputs]
    if body.get("encoding_format") == "base64":
        vectors = [base64.b64encode(struct.pack("<3f", *vector)).decode() for vector in vectors]
    listed = [
        {"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": len(inputs), "total_tokens": len(inputs)}
    return {"object": "list", "model": body["model"], "data": listed, "usage": usage}
