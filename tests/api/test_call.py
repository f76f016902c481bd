import inspect
from dataclasses import fields
from typing import Any, get_type_hints

import pandas as pd
import pytest
import requests
from requests.adapters import HTTPAdapter

import dwbatch
from dwbatch.accessor import Accessor
from dwbatch.local import Server
from dwbatch.options import Options, RunOptions
from tests.api.calling import Listener, Run, at, batches, files, rows, texts, usual


def test_every_row_gets_its_own_answer(run: Run) -> None:
    out = run(texts("one", "two"))

    assert rows(out) == [("echo: say one", "ok", None), ("echo: say two", "ok", None)]


def test_the_accessor_and_the_function_give_the_same_frame(server: Server) -> None:
    frame = texts("one", "two")

    by_function = dwbatch.run(frame, "say {text}", **usual(server))

    pd.testing.assert_frame_equal(frame.doubleword.run("say {text}", **usual(server)), by_function)
    pd.testing.assert_frame_equal(frame["text"].doubleword.run("say {text}", **usual(server)), by_function)


@pytest.mark.parametrize("name", [None, "", 0, ("a", "b")])
def test_a_series_without_a_name_that_a_template_can_say_is_called_text(run: Run, name: object) -> None:
    out = run(pd.Series(["one"], name=name), "say {text}")

    assert list(out.columns[:2]) == ["text", "response"]
    assert out["response"].tolist() == ["echo: say one"]


def test_a_named_series_is_a_column_of_that_name(run: Run) -> None:
    out = run(pd.Series(["one"], name="review", index=["a"]), "say {review}")

    assert list(out.columns[:2]) == ["review", "response"]
    assert out.loc["a", "response"] == "echo: say one"


def test_the_accessor_holds_the_frame_and_nothing_else() -> None:
    frame = texts("one")

    accessor = frame.doubleword

    assert Accessor.__slots__ == ("_frame",)
    assert accessor._frame is frame
    assert (
        repr(accessor)
        == "<doubleword accessor of DataFrame, 1 rows: .run, .submit, .embed, .preview, .plan, .estimate, .to_jsonl>"
    )


def test_help_and_completion_see_every_option() -> None:
    options = [option.name for option in fields(Options)]

    assert list(inspect.signature(dwbatch.run).parameters) == ["frame", "prompt", *options]
    assert list(inspect.signature(texts("one").doubleword.run).parameters) == ["prompt", *options]
    assert inspect.signature(dwbatch.run).parameters["model"].default is inspect.Parameter.empty
    assert inspect.signature(dwbatch.run).parameters["completion_window"].default == "24h"


def test_type_checkers_and_the_running_code_know_the_same_options() -> None:
    # The one name that importing the library does not load.
    late = {"requests": requests}

    assert get_type_hints(RunOptions, localns=late) == get_type_hints(Options, localns=late)
    assert RunOptions.__required_keys__ == {"model"}


def test_every_option_is_explained() -> None:
    told = inspect.getdoc(dwbatch.run) or ""

    assert [option.name for option in fields(Options) if option.name not in told] == []


def test_only_what_was_said_is_sent() -> None:
    model = Listener()
    with Server(answer=model) as server:
        at(server)(texts("one"))

    assert model.bodies == [{"model": "m", "messages": [{"role": "user", "content": "say one"}]}]


def test_parameters_of_the_model_are_sent_as_they_are() -> None:
    model = Listener()
    with Server(answer=model) as server:
        at(server)(
            texts("one"),
            model="other",
            temperature=1,
            max_tokens=5,
            top_p=0.5,
            stop="end",
            seed=7,
            reasoning_effort="low",
            n=1,
            tools=[{"type": "function", "function": {"name": "look"}}],
            tool_choice="auto",
            extra_body={"logit_bias": {"50256": -100}},
        )

    assert model.bodies == [
        {
            "model": "other",
            "messages": [{"role": "user", "content": "say one"}],
            "temperature": 1.0,
            "max_tokens": 5,
            "top_p": 0.5,
            "stop": ["end"],
            "seed": 7,
            "reasoning_effort": "low",
            "n": 1,
            "tools": [{"type": "function", "function": {"name": "look"}}],
            "tool_choice": "auto",
            "logit_bias": {"50256": -100},
        }
    ]


def test_a_system_message_stands_first_and_names_columns_too() -> None:
    model = Listener()
    with Server(answer=model) as server:
        at(server)(pd.DataFrame({"text": ["one"], "tone": ["kind"]}), system="Be {tone}.")

    assert model.bodies[0]["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "say one"},
    ]


def test_a_conversation_names_columns_in_any_turn() -> None:
    model = Listener()
    turns = [
        {"role": "user", "content": "{question}"},
        {"role": "assistant", "content": "{answer}"},
        {"role": "user", "content": "Sure?"},
    ]
    with Server(answer=model) as server:
        at(server)(pd.DataFrame({"question": ["2+2?"], "answer": [4]}), None, messages=turns)

    assert [message["content"] for message in model.bodies[0]["messages"]] == ["2+2?", "4", "Sure?"]


def test_templates_take_conversions_specs_literal_braces_and_index_levels(run: Run) -> None:
    index = pd.MultiIndex.from_tuples([("ada", 1)], names=["user", "visit"])
    frame = pd.DataFrame({"text": ["it's"], "price": [2.5]}, index=index)

    out = run(frame, '{{"u": "{user}", "v": {visit:03d}}} {text!r} {price:.2f}')

    assert out["response"].tolist() == ['echo: {"u": "ada", "v": 001} "it\'s" 2.50']


def test_a_column_wins_over_an_index_level_of_its_name(run: Run) -> None:
    out = run(pd.DataFrame({"text": ["column"]}, index=pd.Index(["level"], name="text")))

    assert out["response"].tolist() == ["echo: say column"]


def test_a_cell_is_never_read_as_a_template(run: Run) -> None:
    out = run(texts("{text} {other} {{ x }}"))

    assert out["response"].tolist() == ["echo: say {text} {other} {{ x }}"]


def test_a_batch_carries_the_window_the_metadata_and_the_name(server: Server, run: Run) -> None:
    run(texts("one"), completion_window="1h", metadata={"team": "reviews"}, name="spring")

    (batch,) = batches(server)
    (file,) = files(server)
    assert batch["completion_window"] == "1h"
    assert batch["metadata"]["team"] == "reviews"
    assert file["filename"].startswith("spring-")


def test_the_output_names_its_companions(run: Run) -> None:
    out = run(texts("one"), output="label")

    assert list(out.columns) == ["text", "label", "label_status", "label_error_code", "label_error"]


def test_two_runs_chain_on_one_frame(run: Run) -> None:
    drafted = run(texts("one"), output="draft")

    out = run(drafted, "judge {draft}", output="verdict")

    assert out.loc[0, "verdict"] == "echo: judge echo: say one"


def test_details_say_where_an_answer_comes_from(server: Server, run: Run) -> None:
    out = run(texts("one"), details=True)

    (batch,) = batches(server)
    told = out.iloc[0]
    assert told["response_custom_id"].startswith("dwbatch-row-0-")
    assert told["response_finish_reason"] == "stop"
    assert told["response_model"] == "m"
    assert told["response_prompt_tokens"] == 2
    assert told["response_completion_tokens"] == 4
    assert told["response_batch_id"] == batch["id"]
    assert told["response_raw"] == told["response"]
    assert told["response_message"] == '{"content":"echo: say one","role":"assistant"}'
    assert told["response_body"].startswith('{"choices":')


def test_a_template_of_custom_ids_is_used_as_it_is(run: Run) -> None:
    frame = pd.DataFrame({"text": ["one", "two"], "user": [7, 8]})

    out = run(frame, custom_id="user-{user}", details=True)

    assert out["response_custom_id"].tolist() == ["user-7", "user-8"]


def test_equal_requests_share_the_first_rows_custom_id(run: Run) -> None:
    frame = pd.DataFrame({"text": ["one", "one"], "user": [7, 8]})

    out = run(frame, custom_id="user-{user}", details=True)

    assert out["response_custom_id"].tolist() == ["user-7", "user-7"]


class Noting(HTTPAdapter):
    """Notes the method of every call that goes through it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str | None] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        self.seen.append(request.method)
        return super().send(request, *args, **options)


def test_every_call_goes_through_the_session_that_was_given(server: Server, run: Run) -> None:
    session, adapter = requests.Session(), Noting()
    session.mount("http://", adapter)

    run(texts("one"), session=session)

    assert sorted(map(str, adapter.seen)) == sorted(method for method, _, _ in server.exchanges())


def test_server_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(keys=["sk-mine"]) as server:
        monkeypatch.setenv("DOUBLEWORD_BASE_URL", server.base_url)
        monkeypatch.setenv("DOUBLEWORD_API_KEY", "sk-mine")

        out = texts("one").doubleword.run("say {text}", model="m", progress=False, poll_interval=0.02)

    assert out["response_status"].tolist() == ["ok"]


def test_an_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(keys=["sk-mine"]) as server:
        monkeypatch.setenv("DOUBLEWORD_BASE_URL", "https://elsewhere.invalid/v1")
        monkeypatch.setenv("DOUBLEWORD_API_KEY", "sk-another")

        out = at(server)(texts("one"), api_key="sk-mine")

    assert out["response_status"].tolist() == ["ok"]
