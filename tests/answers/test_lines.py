"""What one line means, for every kind of line that a server may write."""

import json
from typing import Any

import pytest

from dwbatch.answers.lines import read_line
from dwbatch.answers.results import Result, to_batch
from dwbatch.columns import Status

from .wire import chat_body, chat_line, dumps, error_line, line, reason


def ending(result: Result) -> tuple[Status, str | None, str | None]:
    return result.status, result.error_code, result.content


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (chat_body("hi"), ("ok", None, "hi")),
        (chat_body(" "), ("ok", None, " ")),
        (chat_body("hi", None), ("ok", None, "hi")),
        (chat_body([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), ("ok", None, "ab")),
        (chat_body(None, "tool_calls", tool_calls=[{"id": "call_1"}]), ("ok", None, "")),
        (chat_body("hi", "tool_calls", tool_calls=[{"id": "call_1"}]), ("ok", None, "hi")),
        (chat_body("cut off he", "length"), ("truncated", "max_tokens", "cut off he")),
        (chat_body(None, "length"), ("truncated", "max_tokens", None)),
        (chat_body("", "content_filter"), ("filtered", "content_filter", None)),
        (chat_body(None, "stop", refusal="I cannot."), ("filtered", "refusal", None)),
        (chat_body("", "stop"), ("failed", "empty_answer", None)),
        (chat_body(None, "stop"), ("failed", "empty_answer", None)),
        (chat_body("half an", "error"), ("failed", "unknown_error", "half an")),
        ({"choices": []}, ("failed", "empty_answer", None)),
        ({"choices": None}, ("failed", "empty_answer", None)),
        ({"choices": [None]}, ("failed", "empty_answer", None)),
        ({}, ("failed", "unknown_error", None)),
        ("data: {}", ("failed", "unknown_error", None)),
        ([1], ("failed", "unknown_error", None)),
        (None, ("failed", "unknown_error", None)),
        ({"error": {"message": "slow down", "code": 429}}, ("failed", "http_429", None)),
    ],
)
def test_a_chat_body_ends_as_its_first_choice_does(body: Any, expected: tuple[str, str, str]) -> None:
    assert ending(read_line(line("r", body))) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"choices": [{"finish_reason": "stop", "text": "x"}]}, ("ok", None, "x")),
        ({"choices": [{"finish_reason": "length", "text": "x"}]}, ("truncated", "max_tokens", "x")),
        (
            {
                "status": "completed",
                "output": [
                    {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]},
                    {"type": "message", "content": [{"type": "output_text", "text": "x"}]},
                ],
            },
            ("ok", None, "x"),
        ),
        ({"status": "completed", "output": [{"type": "function_call"}]}, ("ok", None, "")),
        (
            {
                "status": "incomplete",
                "incomplete_details": {"reason": "max_output_tokens"},
                "output": [{"type": "message", "content": [{"type": "output_text", "text": "x"}]}],
            },
            ("truncated", "max_tokens", "x"),
        ),
        (
            {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]},
            ("filtered", "refusal", None),
        ),
        (
            {"status": "failed", "output": [], "error": {"code": "server_error", "message": "it broke"}},
            ("failed", "unknown_error", None),
        ),
        (
            {"type": "message", "stop_reason": "end_turn", "content": [{"type": "text", "text": "x"}]},
            ("ok", None, "x"),
        ),
        ({"stop_reason": "tool_use", "content": [{"type": "tool_use"}]}, ("ok", None, "")),
        ({"stop_reason": "max_tokens", "content": []}, ("truncated", "max_tokens", None)),
        ({"stop_reason": "refusal", "content": []}, ("filtered", "refusal", None)),
        ({"object": "list", "data": [{"embedding": [1.0]}]}, ("ok", None, "")),
        ({"object": "list", "data": []}, ("failed", "empty_answer", None)),
    ],
)
def test_every_endpoint_is_known_by_the_shape_of_its_body(
    body: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert ending(read_line(line("r", body))) == expected


def test_a_refusal_keeps_its_words_as_the_error() -> None:
    result = read_line(line("r", chat_body(None, "stop", refusal="I cannot.")))

    assert result.error == "I cannot."


def test_tokens_are_counted_in_either_endpoints_words() -> None:
    body = {"stop_reason": "end_turn", "content": [], "usage": {"input_tokens": 3, "output_tokens": 4}}

    result = read_line(line("r", body))

    assert (result.prompt_tokens, result.completion_tokens) == (3, 4)


@pytest.mark.parametrize("tokens", [-1, 2**63, 1.5, "7", True, None])
def test_a_token_count_that_is_no_count_is_null(tokens: object) -> None:
    body = chat_body() | {"usage": {"prompt_tokens": tokens, "completion_tokens": 7}}

    result = read_line(line("r", body))

    assert (result.prompt_tokens, result.completion_tokens) == (None, 7)


@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[1]",
        b"null",
        b"{}",
        b'{"id":"x","response":null,"error":null}',
        b"[" * 100_000,
        b'{"error":' + b"[" * 100_000,
        b'{"error":{"message":"\xff"}}',
        '{"error":1}'.encode("utf-16-le"),
    ],
)
def test_what_is_no_result_is_a_malformed_line(text: bytes) -> None:
    result = read_line(text)

    assert (result.status, result.error_code) == ("failed", "malformed_line")
    assert result.custom_id is None


@pytest.mark.parametrize(
    "text",
    [
        chat_line("r-1é\n", "a text that is cut")[:-40],
        chat_line("r-1é\n", "bad \ufffd bytes").replace("\ufffd".encode(), b"\xff"),
        b'{"custom_id" : "r-1\\u00e9\\n"}',
    ],
)
def test_a_malformed_line_shows_its_custom_id_where_it_can_be_seen(text: bytes) -> None:
    result = read_line(text)

    assert (result.error_code, result.custom_id) == ("malformed_line", "r-1é\n")


def test_a_custom_id_may_be_null_or_come_back_as_a_number() -> None:
    null = read_line(chat_line(None))
    number = read_line(chat_line("12").replace(b'"12"', b"12"))

    assert (null.status, null.custom_id) == ("ok", None)
    assert (number.status, number.custom_id) == ("ok", "12")


def test_half_a_surrogate_pair_costs_one_character() -> None:
    text = chat_line("r", "a|b").replace(b"|", b"\\ud800")

    batch = to_batch([read_line(text)])

    assert batch["content"].to_pylist() == ["a\ufffdb"]
    assert json.loads(batch["body"][0].as_py())["choices"][0]["message"]["content"] == "a\ud800b"


def test_numbers_that_only_python_writes_do_not_cost_the_answer() -> None:
    body = chat_body("hi") | {"logprob": float("nan")}

    result = read_line(line("r", body))

    assert ending(result) == ("ok", None, "hi")


def test_a_byte_order_mark_before_the_first_line_is_stepped_over() -> None:
    result = read_line(b"\xef\xbb\xbf" + chat_line("r", "hi"))

    assert ending(result) == ("ok", None, "hi")


def test_an_error_row_in_the_shape_of_openai_is_read_from_its_response() -> None:
    body = {"error": {"message": "context too long", "type": "invalid_request_error", "code": None}}

    result = read_line(line("r", body, http_status=400))

    assert ending(result) == ("failed", "http_400", None)
    assert result.error == "context too long"
    assert result.body == dumps(body)


def test_an_error_beside_a_response_without_a_body_gives_its_words() -> None:
    wire = {"response": {"status_code": 422, "body": None}, "error": {"message": "bad prompt", "code": None}}

    result = read_line(dumps({"custom_id": "r"} | wire).encode())

    assert (result.error_code, result.error) == ("http_422", "bad prompt")


def test_an_answer_beside_an_error_is_kept() -> None:
    wire = {"response": {"status_code": 200, "body": chat_body("hi")}, "error": {"message": None}}

    result = read_line(dumps({"custom_id": "r"} | wire).encode())

    assert ending(result) == ("ok", None, "hi")


def test_an_error_beside_an_empty_answer_says_why() -> None:
    wire = {"response": {"status_code": 200, "body": {}}, "error": {"message": reason("Timeout")}}

    result = read_line(dumps({"custom_id": "r"} | wire).encode())

    assert (result.error_code, result.body) == ("timeout", "{}")


def test_a_failed_row_keeps_the_upstreams_own_body() -> None:
    body = '{"error": {"message": "mock failure 400"}}'

    result = read_line(error_line("r", reason("NonRetriableHttpStatus", status=400, body=body)))

    assert (result.error_code, result.error, result.body) == ("http_400", "mock failure 400", body)


def test_a_request_that_expired_says_so_whatever_its_response() -> None:
    error = {"code": "batch_expired", "message": "It was not executed in time."}
    wire = {"response": {"status_code": 408, "body": {}}, "error": error}

    result = read_line(dumps({"custom_id": "r"} | wire).encode())

    assert ending(result) == ("expired", "batch_expired", None)
