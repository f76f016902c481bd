"""The same call at the other endpoints: its body, and what becomes of the answer."""

import json
from typing import Any, Literal

import pandas as pd
import pytest

import dwbatch
from dwbatch.errors import InputError
from dwbatch.local import Outcome, Server
from tests.api.calling import Run, at, rows, texts
from tests.asking.telling import heard, told_in

RESPONSES = "/v1/responses"
COMPLETIONS = "/v1/completions"


def asked(prompt: Any = "say {text}", /, **options: Any) -> dict[str, Any]:
    """The body of the one request of a call."""
    (body,) = heard(texts("one"), prompt, **options)
    return body


def test_a_response_is_asked_in_its_own_words() -> None:
    body = asked(
        endpoint=RESPONSES,
        system="Be kind to {text}.",
        max_tokens=50,
        reasoning_effort="low",
        temperature=0,
        response_format=Literal["a", "b"],
        extra_body={"text": {"verbosity": "low"}},
    )

    format_sent = body.pop("text")
    assert body == {
        "model": "m",
        "input": "say one",
        "instructions": "Be kind to one.",
        "max_output_tokens": 50,
        "reasoning": {"effort": "low"},
        "temperature": 0.0,
    }
    assert format_sent["verbosity"] == "low"
    assert format_sent["format"]["type"] == "json_schema"
    assert format_sent["format"]["schema"]["properties"]["value"]["enum"] == ["a", "b"]


def test_a_response_takes_a_conversation_and_its_calls() -> None:
    output = {"type": "function_call_output", "call_id": "c1", "output": "a mug"}
    turns = [
        {"role": "user", "content": ["Look: {text}"]},
        {"role": "assistant", "content": ["Yes."]},
        output,
    ]

    body = asked(None, endpoint=RESPONSES, messages=turns)
    frame = pd.DataFrame({"turns": [[{"role": "user", "content": "hi"}, output]]})
    (other,) = heard(frame, endpoint=RESPONSES, messages="turns")

    assert body["input"] == [
        {"role": "user", "content": [{"type": "input_text", "text": "Look: one"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]},
        output,
    ]
    assert other["input"] == [{"role": "user", "content": "hi"}, output]


def test_a_completion_is_asked_with_a_text() -> None:
    assert asked(endpoint=COMPLETIONS, max_tokens=3, n=2) == {
        "model": "m",
        "prompt": "say one",
        "max_tokens": 3,
        "n": 2,
    }
    assert asked(lambda row: f'"{row["text"]}"', endpoint=COMPLETIONS)["prompt"] == '"one"'


@pytest.mark.parametrize("endpoint", [RESPONSES, COMPLETIONS])
def test_answers_of_every_endpoint_fill_the_same_columns(run: Run, endpoint: str) -> None:
    out = run(texts("one", None), endpoint=endpoint, details=True)

    assert rows(out) == [("echo: say one", "ok", None), (None, "skipped", "null_input")]
    assert out["response_prompt_tokens"].tolist()[0] > 0


@pytest.mark.parametrize("endpoint", [RESPONSES, COMPLETIONS])
def test_an_answer_that_was_cut_is_truncated_at_every_endpoint(run: Run, endpoint: str) -> None:
    out = run(texts("one"), endpoint=endpoint, max_tokens=1)

    assert rows(out) == [(None, "truncated", "max_tokens")]


@pytest.mark.parametrize("endpoint", [RESPONSES, COMPLETIONS])
def test_rows_fail_at_every_endpoint_as_in_chat(endpoint: str) -> None:
    with Server(outcomes=lambda *_: Outcome.status(400)) as server:
        out = at(server)(texts("one"), endpoint=endpoint)

    assert rows(out) == [(None, "failed", "http_400")]


def test_a_response_that_fits_fills_typed_columns(run: Run) -> None:
    out = run(
        texts("one"), endpoint=RESPONSES, response_format=Literal["a", "b"], output="label", details=True
    )

    assert out["label"].tolist()[0] in {"a", "b"}
    assert out["label"].cat.categories.tolist() == ["a", "b"]
    assert json.loads(told_in(out, "label_message"))["role"] == "assistant"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"endpoint": RESPONSES, "n": 2, "stop": "x"}, "/v1/responses has no 'n'."),
        ({"endpoint": RESPONSES, "n": 2, "stop": "x"}, "/v1/responses has no 'stop'."),
        ({"endpoint": RESPONSES, "extra_body": {"input": "x"}}, "say the prompt or messages= instead"),
        ({"endpoint": COMPLETIONS, "system": "x"}, "/v1/completions has no 'system'."),
        (
            {"endpoint": COMPLETIONS, "prompt": ["{text}"]},
            "/v1/completions takes a text; got a list of parts.",
        ),
        (
            {"endpoint": COMPLETIONS, "prompt": None, "messages": "text"},
            "/v1/completions takes a text and no messages",
        ),
        ({"endpoint": "/v1/moderations"}, "endpoint= takes one of /v1/chat/completions, /v1/responses,"),
    ],
)
def test_what_an_endpoint_has_no_place_for_is_refused(
    server: Server, options: dict[str, Any], sentence: str
) -> None:
    said = {"prompt": "say {text}", "model": "m", "base_url": server.base_url, **options}

    with pytest.raises(InputError) as told:
        dwbatch.run(texts("one"), **said)

    assert sentence in str(told.value)
