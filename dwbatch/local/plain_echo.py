"""The usual answer of the echo, written without being built: texts in, a text out, nothing else asked for."""

from typing import Any

import msgspec

from dwbatch.local.claims import Claim
from dwbatch.local.saying import BOUNDS, tokens
from dwbatch.local.settling import Settled
from dwbatch.local.views import OUTPUT

_CHAT = "/v1/chat/completions"
# What an answer depends on beside the messages; whoever asks for any of it is answered by `echo`.
_SHAPING = BOUNDS | {"tool_choice", "response_format", "n"}
# In the order in which sorted keys come.
_ANSWER = (
    b'{"choices":[{"finish_reason":"stop","index":0,"message":{"content":%b,"role":"assistant"}}],"created":0,'
    b'"id":"chatcmpl-%b","model":%b,"object":"chat.completion","usage":{"completion_tokens":%d,'
    b'"prompt_tokens":%d,"total_tokens":%d}}'
)

_encode = msgspec.json.encode


def settled(claim: Claim, body: dict[str, Any]) -> Settled | None:
    """What is kept of the echo's answer, letter by letter as `echo` and `settle` make it; None leaves it to them."""
    messages = body.get("messages")
    if claim.url != _CHAT or not isinstance(messages, list) or not _SHAPING.isdisjoint(body):
        return None
    asked: list[str] = []
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, str):
            return None
        asked.append(content)
    if not asked:
        return None
    text = f"echo: {asked[-1]}"
    prompt, completion = tokens("".join(asked)), tokens(text)
    row_id = claim.row_id.replace("-", "")[-12:].encode()
    written = _ANSWER % (
        _encode(text),
        row_id,
        _encode(body["model"]),
        completion,
        prompt,
        prompt + completion,
    )
    return Settled(OUTPUT, 200, written, (prompt, completion))
