"""Every way in which a row can end: one status of the closed set, its code, and an answer only where it is ok."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from dwbatch import Status
from dwbatch.local import Outcome, Reply, Server
from tests.api.calling import Listener, at, rows, run_hastily, texts

ENDS: dict[str, tuple[Outcome, str, str, str | None]] = {
    "a refused request": (Outcome.status(400), "failed", "http_400", "scripted failure 400"),
    "a busy model": (Outcome.status(429), "failed", "http_429", "scripted failure 429"),
    "a broken model": (Outcome.status(503, "try later"), "failed", "http_503", "try later"),
    "an empty purse": (Outcome.status(402), "failed", "insufficient_credits", "scripted failure 402"),
    "an error in an error": (
        Outcome.status(
            400, {"error": {"message": '{"error": {"message": "context too long"}}', "code": 400}}
        ),
        "failed",
        "http_400",
        "context too long",
    ),
    "a page of a proxy": (
        Outcome.status(
            502, "<html><head><title>x</title></head><body><h1>502 Bad Gateway</h1></body></html>"
        ),
        "failed",
        "http_502",
        "502 Bad Gateway",
    ),
    "an error without words": (
        Outcome.status(500, ""),
        "failed",
        "http_500",
        "The model's server answered with HTTP status 500.",
    ),
    "a lost connection": (
        Outcome.network_error("connection reset"),
        "failed",
        "network_error",
        "connection reset",
    ),
    "a slow model": (Outcome.timeout("no first byte"), "failed", "timeout", "no first byte"),
    "an answer cut off": (Outcome.truncated(), "truncated", "max_tokens", None),
    "a filtered answer": (Outcome.content_filter(), "filtered", "content_filter", None),
    "a refusal": (Outcome.refusal(), "filtered", "refusal", "I cannot help with that."),
    "an empty answer": (Outcome.empty(), "failed", "empty_answer", None),
    "a body that is no JSON": (
        Outcome.not_json(),
        "failed",
        "unknown_error",
        "The response body is text, not a JSON object.",
    ),
    "a body of another shape": (
        Outcome.status(200, {"what": 1}),
        "failed",
        "unknown_error",
        "The response body has none of the known shapes.",
    ),
}


def odd_one(outcome: Outcome) -> Callable[[str, dict[str, Any]], Outcome | None]:
    return lambda _, body: outcome if body["messages"][-1]["content"] == "say odd" else None


@pytest.mark.parametrize("end", ENDS)
def test_a_row_that_ends_oddly_says_how_and_leaves_the_others_alone(end: str) -> None:
    outcome, status, code, sentence = ENDS[end]
    with Server(outcomes=odd_one(outcome)) as server:
        out = run_hastily(server, texts("one", "odd", "two"), details=True)

    assert rows(out) == [
        ("echo: say one", "ok", None),
        (None, status, code),
        ("echo: say two", "ok", None),
    ]
    assert sentence is None or out.loc[1, "response_error"] == sentence
    assert isinstance(out.loc[1, "response_error"], str)


def test_a_row_without_a_line_is_missing_and_the_others_stand() -> None:
    with Server(outcomes=odd_one(Outcome.never())) as server:
        out = run_hastily(server, texts("one", "odd"))

    assert rows(out) == [("echo: say one", "ok", None), (None, "missing", "no_result_line")]


def test_what_there_is_of_a_cut_answer_stands_in_the_raw_column_alone() -> None:
    with Server(outcomes=odd_one(Outcome.truncated())) as server:
        out = run_hastily(server, texts("odd"), details=True)

    assert out["response"].isna().all()
    assert out.loc[0, "response_raw"] == "say odd"


@pytest.mark.parametrize("said", ["a\u2028b\u2029c\x85d", 'q"\\\n\t\x00', "é😀漢", "  ", "{}", "null"])
def test_an_answer_is_the_text_of_the_model_to_the_last_character(said: str) -> None:
    with Server(answer=Listener(said)) as server:
        out = at(server)(texts("one"))

    assert out["response"].tolist() == [said]


def test_a_model_that_raises_fails_its_own_row() -> None:
    def answer(body: dict[str, Any]) -> str | Reply:
        if "odd" in body["messages"][0]["content"]:
            return Reply(418, {"error": {"message": "I am a teapot"}})
        return "fine"

    with Server(answer=answer) as server:
        out = run_hastily(server, texts("one", "odd"))

    assert rows(out) == [("fine", "ok", None), (None, "failed", "http_418")]


def test_every_status_of_a_frame_is_of_the_closed_set() -> None:
    ends = [outcome for outcome, *_ in ENDS.values()]
    script = {f"n-{place}": outcome for place, outcome in enumerate(ends)}
    with Server(outcomes=script) as server:
        out = run_hastily(server, pd.DataFrame({"n": range(len(ends))}), "{n}", custom_id="n-{n}")

    assert set(out["response_status"]) <= {status.value for status in Status}
    assert (out["response"].notna() == (out["response_status"] == "ok")).all()
    assert (out["response_error_code"].notna() == (out["response_status"] != "ok")).all()
