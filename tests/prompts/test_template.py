"""A template is checked before anything is rendered, and says how to mend it."""

import re

import pytest
from hypothesis import given

from dwbatch.errors import InputError
from dwbatch.prompts.template import Slot, check, parse

from .strategies import texts


def refusal(text: str, *columns: str) -> str:
    with pytest.raises(InputError) as caught:
        check([("prompt", parse(text))], columns)
    return str(caught.value)


def test_a_slot_names_its_column_conversion_and_spec() -> None:
    template = parse("Rate {text!r} at {price:>8.2f}.")

    assert template.parts == ("Rate ", Slot("text", "r"), " at ", Slot("price", None, ">8.2f"), ".")
    assert template.slots == (Slot("text", "r"), Slot("price", None, ">8.2f"))


def test_a_doubled_brace_is_a_literal_one() -> None:
    template = parse('{{"sentiment": "{text}"}}')

    assert "".join(part if isinstance(part, str) else f"<{part.name}>" for part in template.parts) == (
        '{"sentiment": "<text>"}'
    )


@given(text=texts)
def test_any_text_with_its_braces_doubled_is_itself(text: str) -> None:
    template = parse(text.replace("{", "{{").replace("}", "}}"))

    assert template.slots == ()
    assert "".join(part for part in template.parts if isinstance(part, str)) == text


@pytest.mark.parametrize("name", ["text", "two words", "a.b", "größe", "user-id", " padded "])
def test_a_name_is_taken_as_the_frame_spells_it(name: str) -> None:
    template = parse(f"{{{name}}}")

    check([("prompt", template)], [name])

    assert template.slots == (Slot(name),)


@pytest.mark.parametrize("text", ["{", "}", "{text", "text}", "a { b } c }", "{text!}", "{text!rr}"])
def test_a_brace_that_does_not_balance_is_refused_with_the_way_to_write_one(text: str) -> None:
    with pytest.raises(InputError, match=re.escape("A literal brace is written {{ or }}. Nothing was sent.")):
        parse(text, where="system")


@pytest.mark.parametrize("text", ["{}", "{0}", "{12}", "{!r}", "{:>5}"])
def test_a_slot_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(
        InputError, match=r"The prompt has a slot without a column name, '\{\d*\}'\. Name the column"
    ):
        parse(text)


def test_a_slot_inside_a_format_spec_is_refused() -> None:
    with pytest.raises(InputError, match=r"slot inside the format spec of 'price'; a spec is constant"):
        parse("{price:{width}}")


def test_an_unknown_conversion_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        InputError, match=r"'!x' on 'text'; the known ones are !r, !s and !a\. Nothing was sent\."
    ):
        parse("{text!x}")


def test_a_lone_surrogate_in_the_template_itself_is_refused_with_its_place() -> None:
    with pytest.raises(InputError, match=r"The system holds the lone surrogate '\\ud800' at character 3"):
        parse("abc\ud800 {text}", where="system")


def test_a_missing_column_is_named_with_the_nearest_and_all_there_are() -> None:
    assert refusal("Rate {txt}", "id", "text") == (
        "Column 'txt' is named in the prompt but not in the frame. Did you mean 'text'? "
        "Columns: 'id', 'text'. Nothing was sent."
    )


def test_a_column_unlike_all_others_gets_no_suggestion() -> None:
    assert refusal("{weather}", "id") == (
        "Column 'weather' is named in the prompt but not in the frame. Columns: 'id'. Nothing was sent."
    )


def test_a_frame_without_columns_says_so() -> None:
    assert "Columns: none." in refusal("{text}")


def test_only_a_screenful_of_columns_is_listed() -> None:
    message = refusal("{text}", *(f"column_{number:02d}" for number in range(30)))

    assert "'column_19', …. Nothing" in message
    assert "column_20" not in message


def test_a_column_of_other_case_is_suggested_before_a_nearer_spelling() -> None:
    assert "Did you mean 'TEXT'?" in refusal("{text}", "texts", "TEXT")


def test_all_unknown_columns_of_all_templates_are_listed_at_once() -> None:
    templates = [("prompt", parse("{txt} {txt} {lnag}")), ("system", parse("{tone}"))]

    with pytest.raises(InputError) as caught:
        check(templates, ["text", "lang"])

    assert str(caught.value) == (
        "Column 'txt' is named in the prompt but not in the frame. Did you mean 'text'? "
        "Column 'lnag' is named in the prompt but not in the frame. Did you mean 'lang'? "
        "Column 'tone' is named in the system but not in the frame. "
        "Columns: 'lang', 'text'. Nothing was sent."
    )


@pytest.mark.parametrize("written", ["{{ text }}", "{{text}}", "{{  text}}"])
def test_jinja_braces_around_a_column_are_refused(written: str) -> None:
    message = refusal(f"Rate {written}", "text")

    assert message.startswith(
        "The prompt says '{{ text }}', which is Jinja's way and here a literal brace; write '{text}' for the column."
    )


@pytest.mark.parametrize("text", ["Fill {{ text }} from {text}", "{{{text}}}", "{{ tone }}", '{{"text": 1}}'])
def test_doubled_braces_are_kept_where_no_column_can_be_meant(text: str) -> None:
    check([("prompt", parse(text))], ["text"])


@pytest.mark.parametrize("written", ["text", " text\n"])
def test_a_prompt_that_is_just_a_column_name_is_refused(written: str) -> None:
    assert refusal(written, "text").startswith(
        "The prompt is just the name of the column 'text'. Did you mean '{text}'?"
    )


@pytest.mark.parametrize("where", ["system", "messages[0]"])
def test_a_constant_message_may_spell_a_column_name(where: str) -> None:
    check([(where, parse("text"))], ["text"])


@pytest.mark.parametrize("slot", ["review.text", "review[0]", "review[text].words"])
def test_an_attribute_or_an_index_is_refused_where_its_column_exists(slot: str) -> None:
    message = refusal(f"{{{slot}}}", "review")

    assert f"Column {slot!r} is named in the prompt but not in the frame." in message
    assert (
        "A slot takes no attribute, index or nested field; make a column of it, or use '{review}'." in message
    )
