"""The message of an answer, ready to append to a conversation."""

import msgspec

from dwbatch.answers.plain import MISFITS


class _Choice(msgspec.Struct):
    message: msgspec.Raw = msgspec.Raw()


class _Body(msgspec.Struct):
    choices: list[_Choice] = []


def message_of(body: str) -> str | None:
    """The first choice's message as JSON, byte for byte; None where the body has none.

    Examples
    --------
    >>> message_of('{"choices":[{"message":{"role":"assistant","content":"hi"}}]}')
    '{"role":"assistant","content":"hi"}'
    """
    try:
        choices = msgspec.json.decode(body, type=_Body).choices
    except MISFITS:
        return None
    raw = bytes(choices[0].message) if choices else b""
    return raw.decode() or None
