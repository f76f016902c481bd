"""The message of an answer, ready to append to a conversation."""

import msgspec

from dwbatch.answers.plain import MISFITS


class _Choice(msgspec.Struct):
    message: msgspec.Raw = msgspec.Raw()


class _Kind(msgspec.Struct):
    type: str = ""


class _Body(msgspec.Struct):
    choices: list[_Choice] = []
    output: list[msgspec.Raw] = []


def message_of(body: str) -> str | None:
    """The first message of an answer as JSON, byte for byte; None where the body has none.

    Examples
    --------
    >>> message_of('{"choices":[{"message":{"role":"assistant","content":"hi"}}]}')
    '{"role":"assistant","content":"hi"}'
    """
    try:
        found = msgspec.json.decode(body, type=_Body)
        # Of a response, reasoning and calls of functions stand beside the message.
        outputs = (one for one in found.output if msgspec.json.decode(one, type=_Kind).type == "message")
        raw = found.choices[0].message if found.choices else next(outputs, b"")
    except MISFITS:
        return None
    return bytes(raw).decode() or None
