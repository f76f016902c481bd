"""The result files that the real server wrote, read to their meaning."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from dwbatch.answers.decode import decode

RECORDINGS = Path(__file__).parents[1] / "recordings"

pytestmark = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not in this tree")


def texts(scenario: str, *steps: str) -> list[str]:
    played = json.loads((RECORDINGS / f"{scenario}.json").read_text(encoding="utf-8"))["steps"]
    return [step["response"]["text"] for step in played if step.get("step") in steps]


def recorded(scenario: str, *steps: str) -> dict[str, tuple[str, str | None, str | None]]:
    """Status, error code, and error or content of each custom_id in the files of these steps."""
    table = pa.concat_tables([decode([text.encode()]) for text in texts(scenario, *steps)])
    return {
        row["custom_id"]: (row["status"], row["error_code"], row["error"] or row["content"])
        for row in table.to_pylist()
    }


def test_the_rows_that_failed_tell_the_upstreams_words() -> None:
    rows = recorded("failures", "output", "errors")

    assert rows == {
        "ok-1": ("ok", None, "echo: fine"),
        "json-out": ("ok", None, '{"sentiment": "neutral"}'),
        "text-body": ("failed", "http_400", "no such thing"),
        "bad-422": ("failed", "http_422", "mock failure 422"),
        "bad-400": ("failed", "http_400", "mock failure 400"),
        "bad-500": ("failed", "http_500", "mock failure 500"),
        "bad-429": ("failed", "http_429", "mock failure 429"),
    }


def test_every_endpoint_answers() -> None:
    steps = [f"{endpoint} output" for endpoint in ("embeddings", "completions", "responses", "messages")]

    rows = recorded("endpoints", *steps)

    assert rows == {
        "e1": ("ok", None, ""),
        "e2": ("ok", None, ""),
        "e3": ("ok", None, ""),
        "c1": ("ok", None, "echo: x"),
        "r1": ("ok", None, "echo: x"),
        "m1": ("ok", None, "echo: x"),
    }


def test_every_way_of_stopping_has_its_status() -> None:
    rows = recorded("endpoints", "tools and n output")

    assert {name: row[:2] for name, row in rows.items()} == {
        "t1": ("ok", None),
        "t2": ("ok", None),
        "t3": ("truncated", "max_tokens"),
        "t4": ("filtered", "content_filter"),
        "t5": ("failed", "empty_answer"),
        "t6": ("ok", None),
    }


def test_text_that_breaks_careless_readers_comes_back_whole() -> None:
    (sent,) = texts("text", "input read back")
    requests = [json.loads(line) for line in sent.strip("\n").split("\n")]

    rows = recorded("text", "output")

    assert rows == {
        request["custom_id"]: ("ok", None, f"echo: {request['body']['messages'][0]['content']}")
        for request in requests
    }


def test_money_that_ran_out_is_told_apart_from_a_bad_row() -> None:
    rows = recorded("accounts", "its errors")

    assert set(rows.values()) == {
        ("failed", "insufficient_credits", "Account balance too low. Please add credits to continue.")
    }
