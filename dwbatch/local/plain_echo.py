"""The usual answer of the echo, written without being built: texts in, a text out, nothing else asked for."""

import msgspec

from dwbatch.local.claims import Claim, Finish
from dwbatch.local.saying import tokens
from dwbatch.local.settling import Settled, billed
from dwbatch.local.views import OUTPUT

_CHAT = "/v1/chat/completions"
# In the order in which sorted keys come.
_ANSWER = (
    b'{"choices":[{"finish_reason":"stop","index":0,"message":{"content":%b,"role":"assistant"}}],"created":0,'
    b'"id":"chatcmpl-%b","model":%b,"object":"chat.completion","usage":{"completion_tokens":%d,'
    b'"prompt_tokens":%d,"total_tokens":%d}}'
)

_encode = msgspec.json.encode


class _Message(msgspec.Struct, gc=False):
    """A message that is a text."""

    content: str


class _Asked(msgspec.Struct, gc=False):
    """A chat that asks for no shape of its answer; any other is not of this shape."""

    model: str
    messages: list[_Message]
    max_completion_tokens: None = None
    max_output_tokens: None = None
    max_tokens: None = None
    n: None = None
    response_format: None = None
    tool_choice: None = None


_read = msgspec.json.Decoder(_Asked).decode


def finish(claim: Claim) -> Finish | None:
    """The end of a row, letter by letter as `echo` and `settle` make it; None leaves it to them."""
    if claim.url != _CHAT:
        return None
    try:
        body = _read(claim.body)
    except msgspec.ValidationError:
        return None
    if not body.messages:
        return None
    last = body.messages[-1].content
    text = f"echo: {last}"
    asked = last if len(body.messages) == 1 else "".join([message.content for message in body.messages])
    prompt, completion = tokens(asked), tokens(text)
    written = _ANSWER % (
        _encode(text),
        # The last of a UUID's five groups.
        claim.row_id[-12:].encode(),
        _encode(body.model),
        completion,
        prompt,
        prompt + completion,
    )
    return billed(claim, Settled(OUTPUT, 200, written, (prompt, completion)), body.model)
