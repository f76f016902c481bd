"""The message of an answer is cut out of its body as it stood."""

import pytest

from dwbatch.answers.message import message_of


def test_the_first_message_is_kept_byte_for_byte() -> None:
    body = '{"choices":[{"message":{"role" : "assistant","content":"é"}},{"message":{"content":"b"}}]}'

    assert message_of(body) == '{"role" : "assistant","content":"é"}'


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"choices":[]}',
        '{"choices":[null]}',
        '{"choices":[{}]}',
        '{"x":' + "[" * 100_000,
    ],
)
def test_a_body_without_a_message_has_none(body: str) -> None:
    assert message_of(body) is None
