"""Wrong input is told in a sentence, with its fix, before anything leaves the machine."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

import dwbatch
from dwbatch import CredentialsError, InputError
from dwbatch.local import Server
from tests.api.calling import at, texts

FRAME = pd.DataFrame({"text": ["one"], "price": [2.5]}, index=pd.Index(["a"], name="user"))


@pytest.fixture(scope="module")
def silent() -> Iterator[Server]:
    """A server to which nothing may be said."""
    with Server() as server:
        yield server


def refusal(silent: Server, frame: Any = FRAME, prompt: Any = "say {text}", **options: Any) -> str:
    """The sentence of a refusal, which sent nothing."""
    with pytest.raises(InputError) as caught:
        at(silent)(frame, prompt, **options)
    assert silent.exchanges() == []
    sentence = str(caught.value)
    assert sentence.endswith("Nothing was sent.")
    return sentence.removesuffix(" Nothing was sent.")


PROMPTS = {
    "{txt}": (
        "Column 'txt' is named in the prompt but not in the frame. Did you mean 'text'? "
        "Columns: 'price', 'text', 'user'."
    ),
    "{TEXT}": "Column 'TEXT' is named in the prompt but not in the frame. Did you mean 'text'?",
    "{zzz} and {qqq}": (
        "Column 'zzz' is named in the prompt but not in the frame. "
        "Column 'qqq' is named in the prompt but not in the frame. Columns:"
    ),
    "text": "The prompt is just the name of the column 'text'. Did you mean '{text}'?",
    " user ": "The prompt is just the name of the column 'user'. Did you mean '{user}'?",
    "Say {{ text }}": "The prompt says '{{ text }}', which is Jinja's way and here a literal brace; write '{text}'",
    "{text.upper}": "A slot takes no attribute, index or nested field; make a column of it, or use '{text}'.",
    "{text[0]}": "A slot takes no attribute, index or nested field",
    "{}": "The prompt has a slot without a column name, '{}'. Name the column inside the braces",
    "{0}": "The prompt has a slot without a column name, '{0}'.",
    "{text": "The prompt is not a template: expected '}' before end of string. A literal brace is written {{ or }}.",
    "{text:{price}}": "The prompt has a slot inside the format spec of 'text'; a spec is constant",
    "{text!x}": "The prompt uses the conversion '!x' on 'text'; the known ones are !r, !s and !a.",
    "Hello": "The prompt names no column, so every row would make the same request",
    "\ud800 {text}": "The prompt holds the lone surrogate '\\ud800' at character 0",
}


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_that_cannot_be_meant_is_refused_with_the_fix(silent: Server, prompt: str) -> None:
    assert PROMPTS[prompt] in refusal(silent, prompt=prompt)


def test_a_prompt_without_a_column_shows_both_ways_out(silent: Server) -> None:
    sentence = refusal(silent, prompt="Write a poem.")

    assert "say dedupe=False for one sample a row, or dedupe=True if one answer for all is meant." in sentence


@pytest.mark.parametrize("dedupe", [True, False])
def test_a_prompt_without_a_column_is_asked_once_or_for_each_row_as_told(dedupe: bool) -> None:  # noqa: FBT001 - a parameter of the test
    with Server() as server:
        out = at(server)(texts("one", "two"), "Write a poem.", dedupe=dedupe)

        assert out["response"].tolist() == ["echo: Write a poem."] * 2
        assert len(server.ledger()) == (1 if dedupe else 2)


def test_all_templates_are_checked_at_once(silent: Server) -> None:
    sentence = refusal(silent, prompt="{a1}", system="{b1}", custom_id="{c1}")

    assert "'a1' is named in the prompt" in sentence
    assert "'b1' is named in the system" in sentence
    assert "'c1' is named in the custom_id" in sentence


@pytest.mark.parametrize(
    ("prompt", "messages", "sentence"),
    [
        (None, None, "Give either a prompt, as in run('Is this positive? {text}', …), or messages="),
        ("{text}", [{"role": "user", "content": "x"}], "not both and not neither."),
        (7, None, "The prompt is a template, a text, or a list of parts such as image('{path}'); got 'int'."),
        (
            None,
            "txt",
            "messages='txt' is the name of a column that the frame does not have. Did you mean 'text'?",
        ),
        (None, "{text}", "A template is given as the prompt"),
        (
            None,
            7,
            "messages= takes a list of messages, as in [{'role': 'user', 'content': '{text}'}], the name",
        ),
        (None, [], "messages= takes a list of messages"),
        (None, ["hi"], "messages[0] is not a mapping of 'role' and 'content'."),
        (None, [{"role": "user"}], "messages[0] has no content."),
        (
            None,
            [{"role": "bot", "content": "x"}],
            "messages[0] has the role 'bot'; the known ones are assistant,",
        ),
        (None, [{"role": "user", "content": 1}], "messages[0] has a content that is neither a text nor"),
        (None, [{"role": "user", "content": "{txt}"}], "'txt' is named in messages[0] but not in the frame."),
    ],
)
def test_a_conversation_that_cannot_be_sent_is_refused(
    silent: Server, prompt: object, messages: object, sentence: str
) -> None:
    told = refusal(silent, prompt=prompt, messages=messages)

    assert sentence in told.replace("in the messages", "in messages")


def test_repeated_column_names_are_refused_by_name(silent: Server) -> None:
    frame = pd.DataFrame([["one", "two", 1]], columns=["text", "text", "n"])

    assert refusal(silent, frame) == (
        "The frame has several columns of the same name: 'text'. Rename them first."
    )


def test_columns_of_several_levels_are_refused_with_the_way_to_flatten_them(silent: Server) -> None:
    frame = pd.DataFrame([["one"]], columns=pd.MultiIndex.from_tuples([("a", "b")]))

    assert "flatten them first, as in df.columns = [" in refusal(silent, frame)


@pytest.mark.parametrize("frame", [[{"text": "one"}], {"text": ["one"]}, "text", None])
def test_what_is_no_frame_is_refused_by_its_type(silent: Server, frame: object) -> None:
    assert refusal(silent, frame) == (
        f"run() takes a pandas DataFrame or Series; got {type(frame).__name__!r}."
    )


def test_columns_that_are_there_already_are_all_named(silent: Server) -> None:
    frame = pd.DataFrame({"text": ["one"], "label": ["x"], "label_error": ["y"]})

    assert refusal(silent, frame, output="label") == (
        "The frame already has the columns 'label', 'label_error'. Give output= another name, or say overwrite=True."
    )


def test_a_column_of_details_that_is_there_already_is_refused(silent: Server) -> None:
    frame = pd.DataFrame({"text": ["one"], "response_model": ["x"]})

    assert "already has the column 'response_model'." in refusal(silent, frame, details=True)


CUSTOM_IDS = {
    "same": "The custom_id of row 0 ('same'), row 1 ('same'), row 2 ('same') stands on several different requests.",
    "{text}" * 13: "is longer than the 64 bytes that the server takes.",
    "é-{text}": "The custom_id of row 0 ('é-item 0'), row 1 ('é-item 1'), row 2 ('é-item 2') is not printable ASCII.",
    "a\n{text}": "is not printable ASCII.",
    "{maybe}": "The custom_id of row 1 (None) is missing a value it is made of.",
}


@pytest.mark.parametrize("template", CUSTOM_IDS)
def test_a_custom_id_that_cannot_be_used_names_its_rows(silent: Server, template: str) -> None:
    frame = pd.DataFrame({"text": ["item 0", "item 1", "item 2"], "maybe": ["x", None, "y"]})

    sentence = refusal(silent, frame, custom_id=template)

    assert CUSTOM_IDS[template] in sentence
    assert "or leave custom_id= out and dwbatch makes one." in sentence


def test_many_bad_custom_ids_are_counted(silent: Server) -> None:
    sentence = refusal(silent, texts(*map(str, range(9))), custom_id="same")

    assert "row 4 ('same') and 4 more stands on several different requests." in sentence


@pytest.mark.parametrize("key", ["sk-one\nsk-two", "", "sk one", "sk-é", "sk\t1"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(silent: Server, key: str) -> None:
    with pytest.raises(CredentialsError, match=r"^The key in api_key .* Nothing was sent\.$") as caught:
        at(silent)(FRAME, api_key=key)

    assert key == "" or key not in str(caught.value)
    assert silent.exchanges() == []


def test_without_a_key_the_hosted_service_is_not_asked() -> None:
    with pytest.raises(
        CredentialsError, match=r"No key found: pass api_key, or set DOUBLEWORD_API_KEY, or run"
    ):
        dwbatch.run(FRAME, "say {text}", model="m", checkpoint="job", progress=False)


@pytest.mark.parametrize("address", ["http://example.org/v1", "http://192.168.1.5:8080/v1"])
def test_a_key_never_goes_unencrypted_to_another_machine(silent: Server, address: str) -> None:
    assert "unencrypted: write 'https://'" in refusal(silent, base_url=address, api_key="sk-1")
