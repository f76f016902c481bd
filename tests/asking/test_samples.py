"""Several answers to one request, and calls of tools."""

import json
from typing import Any, Literal

import pandas as pd
import pytest

from dwbatch.local import Server
from tests.api.calling import Run, at, rows, texts
from tests.asking.telling import told_in

TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "parameters": {
            "type": "object",
            "properties": {"at": {"const": "mug"}},
            "required": ["at"],
        },
    },
}


def says(*choices: tuple[str | None, str]) -> Any:
    """A model that answers with these texts and finish reasons, whatever it is asked."""
    return lambda _: {
        "model": "m",
        "choices": [
            {"index": place, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
            for place, (text, reason) in enumerate(choices)
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }


def test_a_row_has_as_many_answers_as_it_asked_for(run: Run) -> None:
    out = run(texts("one", None), n=3)

    assert rows(out) == [(["echo: say one"] * 3, "ok", None), (None, "skipped", "null_input")]
    assert out["response"].dtype == object
    assert len(out.explode("response")) == 4


@pytest.mark.parametrize("count", [1, 2])
def test_lists_are_lists_whatever_became_of_the_rows(run: Run, count: int) -> None:
    good, none = run(texts("one"), n=count), run(texts(None), n=count)
    empty = run(texts(dtype="string"), n=count)

    assert [frame["response"].dtype for frame in (good, none, empty)] == [object] * 3
    assert good["response"].tolist() == [["echo: say one"] * count]
    assert none["response"].tolist() == [None]


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ([("a", "stop"), ("b", "stop")], (["a", "b"], "ok", None)),
        ([("a", "stop"), ("b", "length")], (["a", None], "truncated", "max_tokens")),
        ([("a", "length"), ("", "content_filter")], (None, "filtered", "content_filter")),
        ([("a", "stop"), (None, "stop")], (["a", None], "failed", "empty_answer")),
        ([("a", "stop")], (["a", None], "failed", "empty_answer")),
    ],
)
def test_the_worst_sample_says_how_the_row_ended(choices: Any, expected: tuple[object, ...]) -> None:
    with Server(answer=says(*choices)) as server:
        out = at(server)(texts("one"), n=2)

    assert rows(out) == [expected]


def test_a_model_that_knows_nothing_of_n_is_told_of() -> None:
    with Server(answer=says(("a", "stop"))) as server:
        out = at(server)(texts("one"), n=3)

    assert told_in(out, "response_error") == "The model gave 1 of the 3 answers that were asked for."


def test_each_sample_is_held_to_the_format() -> None:
    good, bad = '{"value": "a"}', '{"value": "c"}'
    with Server(answer=says((good, "stop"), (bad, "stop"), (good, "length"))) as server:
        out = at(server)(texts("one"), n=3, response_format=Literal["a", "b"], details=True)

    assert rows(out) == [(["a", None, None], "invalid", "schema_mismatch")]
    assert json.loads(told_in(out, "response_raw")) == [good, bad, None]


def test_samples_of_several_fields_are_a_list_in_each_column(run: Run) -> None:
    schema = {
        "type": "object",
        "properties": {"score": {"const": 7}, "tags": {"const": ["x"]}},
        "required": ["score", "tags"],
    }

    out = run(texts("one"), n=2, response_format=schema)

    assert out["score"].tolist() == [[7, 7]]
    assert out["response_status"].tolist() == ["ok"]


def test_only_invalid_samples_are_sent_again_if_told_to() -> None:
    with Server(answer=says(('{"value": 1}', "stop"), ("no", "stop"))) as server:
        at(server)(texts("one"), n=2, response_format=int)
        again = at(server)(texts("one"), n=2, response_format=int, retry="invalid")
        bills = server.ledger()

    assert rows(again) == [([1, None], "invalid", "invalid_json")]
    assert len(bills) == 2


@pytest.mark.parametrize("response_format", [None, bool])
def test_the_call_of_a_tool_is_ok_and_ready_to_append(run: Run, response_format: Any) -> None:
    out = run(
        texts("one"), tools=[TOOL], tool_choice="required", details=True, response_format=response_format
    )

    assert out["response_status"].tolist() == ["ok"]
    assert out["response_finish_reason"].tolist() == ["tool_calls"]
    called = json.loads(told_in(out, "response_message"))
    assert called["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"at":"mug"}'}


def test_an_agent_appends_what_was_said_and_goes_on(run: Run) -> None:
    turns = [{"role": "user", "content": "What is it?"}]
    frame = pd.DataFrame({"turns": [turns]})
    first = run(frame, None, messages="turns", tools=[TOOL], tool_choice="required", details=True)
    message = json.loads(told_in(first, "response_message"))
    found = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "a mug"}
    longer = pd.DataFrame({"turns": [[*turns, message, found]]})

    second = run(longer, None, messages="turns", tools=[TOOL])

    assert rows(second) == [("echo: a mug", "ok", None)]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"n": 0}, "n= takes a whole number of at least 1"),
        ({"tools": {"type": "function"}}, "tools= takes a list of mappings"),
        ({"tools": [{"at": float("nan")}]}, r"tools\[0\]\['at'\] is nan, which JSON cannot express"),
        ({"tool_choice": "auto"}, "tool_choice= says which of tools= to call, and there are none"),
        ({"tools": [TOOL], "tool_choice": 7}, "tool_choice= takes a text or a mapping"),
        ({"extra_body": {"n": 2}}, "extra_body repeats 'n'; say n= instead"),
    ],
)
def test_samples_and_tools_that_cannot_be_are_refused(
    run: Run, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        run(texts("one"), **options)
