"""The usual answer of the echo, written without being built: texts in, a text out, nothing else asked for."""

from typing import Any

import msgspec

from dwbatch.local.claims import Claim
from dwbatch.local.saying import CHARACTERS_A_TOKEN
from dwbatch.local.settling import Settled
from dwbatch.local.views import OUTPUT

_CHAT = "/v1/chat/completions"
# What an answer depends on beside the messages; whoever asks for any of it is answered by `echo`.
_SHAPING = {
    "tool_choice",
    "response_format",
    "n",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
}
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
    asked, last = 0, None
    for message in messages:
        last = message.get("content") if isinstance(message, dict) else None
        if not isinstance(last, str):
            return None
        asked += len(last)
    if last is None:
        return None
    text = f"echo: {last}"
    prompt, completion = max(1, -(-asked // CHARACTERS_A_TOKEN)), -(-len(text) // CHARACTERS_A_TOKEN)
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
