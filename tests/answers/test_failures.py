"""Every error that a server may write has one code and its own words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.answers.failures import MAX_SENTENCE, from_error, sentence_in

from .wire import dumps, reason


@pytest.mark.parametrize(
    ("message", "code", "sentence"),
    [
        (reason("NonRetriableHttpStatus", status=422, body='{"detail": [{"msg": "no"}]}'), "http_422", "no"),
        (reason("RetriableHttpStatus", status=500, body="boom"), "http_500", "boom"),
        (reason("NonRetriableHttpStatus", status=402, body="Too low."), "insufficient_credits", "Too low."),
        (reason("NonRetriableHttpStatus", status=302, body="moved"), "unknown_error", "moved"),
        (reason("NetworkError", error="reset"), "network_error", "reset"),
        (reason("NetworkError"), "network_error", "The server could not reach the model."),
        (reason("TaskTerminated"), "network_error", "The server stopped while this request was running."),
        (reason("Timeout", error="no first byte"), "timeout", "no first byte"),
        (reason("BatchTerminated"), "batch_failed", "The batch ended before this request was answered."),
        (reason("RequestBuilderError", error="bad header"), "http_400", "bad header"),
        (reason("SomethingNew", error="odd"), "unknown_error", "odd"),
        (dumps({"type": "server_error", "message": "inner"}), "unknown_error", "inner"),
        ("plain words", "unknown_error", "plain words"),
        ("", "unknown_error", "The server reported an error without words."),
    ],
)
def test_a_reason_of_the_hosted_server_has_its_code(message: str, code: str, sentence: str) -> None:
    failure = from_error({"code": None, "message": message})

    assert (failure.status, failure.code, failure.sentence) == ("failed", code, sentence)


def test_a_status_without_a_body_still_has_a_sentence() -> None:
    failure = from_error({"message": reason("RetriableHttpStatus", status=503, body="")})

    assert failure.sentence == "The model's server answered with HTTP status 503."


@pytest.mark.parametrize(
    ("code", "status"), [("batch_expired", "expired"), ("batch_cancelled", "cancelled"), ("other", "failed")]
)
def test_the_codes_of_openai_end_a_row_as_they_say(code: str, status: str) -> None:
    failure = from_error({"code": code, "message": "It was not executed."})

    assert (failure.status, failure.sentence) == (status, "It was not executed.")


def test_an_expired_row_without_words_gets_a_sentence() -> None:
    failure = from_error({"code": "batch_expired", "message": None})

    assert failure.sentence == "The batch expired before this request was answered."


@pytest.mark.parametrize("code", [429, "429"])
def test_a_code_that_is_an_http_status_is_taken_as_one(code: object) -> None:
    assert from_error({"code": code, "message": "slow down"}).code == "http_429"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"error": {"message": "m", "type": "t", "param": None, "code": 400}}, "m"),
        ({"error": "too_many_requests", "message": "m", "retry_after_seconds": 30}, "m"),
        ({"message": "m", "resource": "r"}, "m"),
        ({"error": "m"}, "m"),
        ({"detail": "m"}, "m"),
        ([{"error": {"message": "m"}}], "m"),
        ({"error": {"message": '{"error": {"message": "m"}}'}}, "m"),
        ({"odd": 1}, '{"odd": 1}'),
        ("  m \n", "m"),
        ("<html><head><title>t</title></head><body><h1>m</h1><p>&amp; n</p></body></html>", "m & n"),
        ("a < b and b > c", "a < b and b > c"),
        ('"m"', "m"),
        ("{cut json", "{cut json"),
        ({}, None),
        ("", None),
        (None, None),
    ],
)
def test_the_innermost_words_are_the_sentence(body: Any, sentence: str | None) -> None:
    assert sentence_in(body) == sentence
    assert sentence_in(dumps(body) if isinstance(body, dict | list) else body) == sentence


def test_a_long_sentence_is_cut() -> None:
    sentence = sentence_in("x" * 10_000)

    assert sentence == "x" * (MAX_SENTENCE - 1) + "…"


@given(st.text(max_size=50))
def test_a_sentence_of_any_text_is_not_blank(text: str) -> None:
    sentence = sentence_in(text)

    assert sentence is None or sentence.strip()
