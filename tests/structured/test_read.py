import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.answers.structured.read import json_in


@pytest.mark.parametrize(
    ("text", "found", "had_prose"),
    [
        ('{"a": 1}', [{"a": 1}], False),
        (' {"a": 1}\n', [{"a": 1}], False),
        ("[1]", [[1]], False),
        ("3", [3], False),
        ('```json\n{"a": 1}\n```', [{"a": 1}], True),
        ('```\n{"a": 1}\n```', [{"a": 1}], True),
        ('Sure! See [1].\n{"a": "```"} Anything else?', [{"a": "```"}], True),
        ('Of the form {a}: {"a": 1}', [{"a": 1}], True),
        ('{"a": 1} {"a": {"b": 2}}', [{"a": 1}, {"a": {"b": 2}}], True),
        ('\ufeff{"a": 1}', [{"a": 1}], True),
        ("", [], True),
        ("positive", [], True),
        ('{"a": 1', [], True),
    ],
)
def test_json_is_found_bare_in_a_fence_or_in_prose(
    text: str, found: list[object], *, had_prose: bool
) -> None:
    assert json_in(text) == (found, had_prose)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", r'"\ud800"', "1" * 5000, "[" * 100_000])
def test_what_strict_json_cannot_say_is_no_json(value: str) -> None:
    text = f'{{"a": {value}}}'

    assert json_in(text)[0] == []


def test_a_text_of_nothing_but_braces_is_given_up() -> None:
    assert json_in("{" * 1_000_000 + '{"a": 1}') == ([], True)


@given(st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet='{}[]",:1e-\\u`tfn '))
def test_no_text_raises(text: str) -> None:
    found, had_prose = json_in(text)

    assert had_prose or len(found) == 1
