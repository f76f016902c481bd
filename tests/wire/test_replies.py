import json
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.wire.replies import MAX_SENTENCE, api_error, retry_after, sentence_in


def as_bytes(body: object) -> bytes:
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"Line 3: Missing 'model' field in request body", "Line 3: Missing 'model' field in request body"),
        (
            as_bytes({"error": "too_many_requests", "message": "At capacity.", "retry_after_seconds": 30}),
            "At capacity.",
        ),
        (as_bytes({"message": "It exists.", "resource": "file"}), "It exists."),
        (
            as_bytes({"error": {"message": "No such key.", "type": "x", "param": None, "code": "y"}}),
            "No such key.",
        ),
        (as_bytes({"error": "busy"}), "busy"),
        (as_bytes({"detail": "Not Found"}), "Not Found"),
        (b"Failed to parse the request body as JSON: EOF", "Failed to parse the request body as JSON: EOF"),
        (
            b"<html><head><title>502 Bad\n Gateway &amp; more</title></head><h1>x</h1>",
            "502 Bad Gateway & more",
        ),
        (b"<html><style>b {}</style><h1>Sorry</h1><p>Later.</p></html>", "Sorry Later."),
        (b"", ""),
        (b" \r\n ", ""),
        (b'"text"', '"text"'),
        (b"{}", "{}"),
        (b"two\nlines\x00\x1b[31m", "two lines\ufffd\ufffd[31m"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_the_servers_words_are_found_in_every_envelope(body: bytes, sentence: str) -> None:
    assert sentence_in(body) == sentence


@given(
    body=st.binary(max_size=2000)
    | st.text(max_size=2000).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.recursive(
        st.text() | st.none() | st.floats() | st.integers(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["error", "message", "detail", "x"]), inner)
        ),
    ).map(as_bytes),
    status=st.integers(400, 999),
)
def test_any_error_body_gives_a_bounded_printable_sentence(body: bytes, status: int) -> None:
    error = api_error("GET /files", status, headers={}, body=body, now=0.0)

    assert error.status == status
    assert 0 < len(error.sentence) <= MAX_SENTENCE
    assert error.sentence.isprintable()


def test_a_long_error_is_cut_visibly() -> None:
    sentence = sentence_in(b"word " * 1000)

    assert len(sentence) == MAX_SENTENCE
    assert sentence.endswith("…")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(502, "Bad Gateway"), (405, "Method Not Allowed"), (599, "an error without words")],
)
def test_an_empty_error_has_the_words_of_its_status(status: int, sentence: str) -> None:
    assert api_error("GET /files", status, headers={}, body=b"", now=0.0).sentence == sentence


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [
        (401, "Authentication required", "inference key is needed"),
        (402, "Account balance too low.", "Top up the account, then make the same call again"),
        (403, "Line 1: Model 'x' has not been configured or is not available to user", "not about the key"),
        (405, "", "base URL is probably wrong"),
        (413, "File exceeds", "max_bytes_per_batch"),
        (429, "Unverified accounts can submit at most 10 request(s)", "Waiting does not help"),
    ],
)
def test_what_a_person_can_mend_has_a_hint(status: int, body: str, hint: str) -> None:
    error = api_error("POST /batches", status, headers={}, body=body.encode(), now=0.0)

    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, "Insufficient permissions to Create Files"),
        (429, "Insufficient capacity for 1h"),
        (500, "Unverified accounts"),
        (404, "x"),
    ],
)
def test_what_a_hint_would_misread_has_none(status: int, body: str) -> None:
    assert api_error("POST /batches", status, headers={}, body=body.encode(), now=0.0).hint is None


NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("60", {"retry_after_seconds": 30}, 60.0),
        (None, {"retry_after_seconds": 30}, 30.0),
        (" 1.5 ", {}, 1.5),
        ("0", {}, 0.0),
        (format_datetime(NOON.replace(minute=2), usegmt=True), {}, 120.0),
        (format_datetime(NOON.replace(hour=11), usegmt=True), {}, 0.0),
        ("999999999999", {}, 999999999999.0),
        ("9" * 400, {}, None),
        ("soon", {"retry_after_seconds": 5}, 5.0),
        ("-3", {}, None),
        ("nan", {}, None),
        ("Wed, 99 Foo 2026", {}, None),
        (None, {"retry_after_seconds": -4}, 0.0),
        (None, {"retry_after_seconds": True}, None),
        (None, {"retry_after_seconds": "7"}, None),
        (None, ["retry_after_seconds"], None),
        (None, {}, None),
    ],
)
def test_the_time_to_wait_is_read_from_the_header_then_the_body(
    header: str | None, body: object, seconds: float | None
) -> None:
    headers = {} if header is None else {"Retry-After": header}

    assert retry_after(headers, as_bytes(body), NOON.timestamp()) == seconds


@given(header=st.text(max_size=60))
def test_any_header_gives_seconds_or_none(header: str) -> None:
    seconds = retry_after({"Retry-After": header}, b"", 0.0)

    assert seconds is None or seconds >= 0
