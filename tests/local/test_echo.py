import base64
import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dwbatch.local import plain_echo
from dwbatch.local.answering import echo_model
from dwbatch.local.claims import Claim
from dwbatch.local.echo import MOST_CHOICES, MOST_DIMENSIONS, echo
from dwbatch.local.saying import TooMuchError
from dwbatch.local.settling import Settled, settle
from tests.local.asking import brief

ROW = "00000000-0000-4000-8000-000000000000"
COMMON = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.text(max_size=5))
)
BODIES = st.dictionaries(
    st.sampled_from(["model", "messages", "input", "prompt", "n", "max_tokens", "dimensions"]),
    st.one_of(COMMON, st.lists(st.dictionaries(st.sampled_from(["role", "content"]), COMMON))),
)


CHAT = Claim(0, 0, 0, ROW, "a", "/v1/chat/completions", "24h", b"")
CHATS = st.fixed_dictionaries(
    {
        "model": st.text(),
        "messages": st.lists(st.dictionaries(st.sampled_from(["role", "content"]), st.text())),
    },
    optional={
        "temperature": st.floats(0, 1),
        "n": st.integers(1, 3),
        "max_tokens": st.integers(1, 3),
        "tool_choice": st.just("required"),
        "tools": st.just([{"type": "function", "function": {"name": "f"}}]),
        "response_format": st.just({"type": "json_object"}),
    },
)


def asked(body: dict[str, Any]) -> Claim:
    return replace(CHAT, body=json.dumps(body).encode())


def choices(url: str, **body: Any) -> list[tuple[str, str]]:
    return [(one["text"], one["finish_reason"]) for one in echo(url, body, ROW)["choices"]]


@brief
@given(st.text(), st.integers(1, 4000))
def test_a_vector_has_the_size_asked_for_and_length_one(text: str, size: int) -> None:
    body = {"model": "m", "input": text, "dimensions": size}

    (found,) = echo("/v1/embeddings", body, ROW)["data"]

    assert len(found["embedding"]) == size
    assert math.isclose(math.hypot(*found["embedding"]), 1)
    assert echo("/v1/embeddings", body, ROW)["data"] == [found]


@pytest.mark.parametrize(
    ("given_input", "count"),
    [("one", 1), (["one", "two"], 2), ([11, 12, 13], 1), ([[11, 12], [13]], 2), ([], 1)],
)
def test_each_input_has_a_vector(given_input: Any, count: int) -> None:
    made = echo("/v1/embeddings", {"model": "m", "input": given_input}, ROW)

    assert [one["index"] for one in made["data"]] == list(range(count))


def test_a_vector_in_base64_is_the_same_vector() -> None:
    body = {"model": "m", "input": "one", "dimensions": 3}

    (numbers,) = echo("/v1/embeddings", body, ROW)["data"]
    (encoded,) = echo("/v1/embeddings", {**body, "encoding_format": "base64"}, ROW)["data"]

    unpacked = struct.unpack("<3f", base64.b64decode(encoded["embedding"]))
    assert unpacked == pytest.approx(numbers["embedding"])


def test_each_prompt_is_completed_as_often_as_asked() -> None:
    assert choices("/v1/completions", prompt=["a", "b"], n=2) == [
        ("echo: a", "stop"),
        ("echo: a", "stop"),
        ("echo: b", "stop"),
        ("echo: b", "stop"),
    ]


def test_a_response_that_runs_into_its_bound_is_incomplete() -> None:
    made = echo("/v1/responses", {"model": "m", "input": "a long question", "max_output_tokens": 1}, ROW)

    assert made["status"] == "incomplete"
    assert made["output"][0]["content"][0]["text"] == "echo"


def test_a_response_takes_its_schema_from_its_text() -> None:
    schema = {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]}
    body = {
        "model": "m",
        "input": "x",
        "text": {"format": {"type": "json_schema", "name": "n", "schema": schema}},
    }

    assert echo("/v1/responses", body, ROW)["output"][0]["content"][0]["text"] == '{"a":1}'


@brief
@given(
    st.sampled_from(
        ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"]
    ),
    BODIES,
)
def test_any_body_is_answered_in_its_endpoints_shape(url: str, body: dict[str, Any]) -> None:
    try:
        made = echo(url, body, ROW)
    except TooMuchError:
        return

    assert {"choices", "output", "content", "data"} & set(made)
    assert all(isinstance(count, int | dict) for count in made["usage"].values())


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/v1/embeddings", {"input": "x", "dimensions": MOST_DIMENSIONS + 1}),
        ("/v1/chat/completions", {"messages": [], "n": MOST_CHOICES + 1}),
        ("/v1/completions", {"prompt": "x", "n": MOST_CHOICES + 1}),
    ],
)
def test_more_than_a_model_would_give_is_refused(url: str, body: dict[str, Any]) -> None:
    with pytest.raises(TooMuchError):
        echo(url, body, ROW)


@brief
@given(CHATS | BODIES.map(lambda body: {"model": "m"} | body))
def test_an_answer_that_is_written_at_once_is_the_one_that_would_have_been_built(
    body: dict[str, Any],
) -> None:
    usual = plain_echo.finish(asked(body))

    if usual is not None:
        tokens = (usual.prompt_tokens, usual.completion_tokens)
        kept = Settled(usual.kind, usual.status_code, usual.body, tokens)
        assert (kept, usual.model) == (settle(echo_model(CHAT, body), CHAT, body), body["model"])


def test_texts_that_ask_for_nothing_else_are_answered_at_once() -> None:
    body = {"model": "m", "temperature": 0, "messages": [{"role": "user", "content": "Hello"}]}

    assert plain_echo.finish(asked(body)) is not None
