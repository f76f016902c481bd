"""Result files as they may arrive: in any order, twice, cut, or not as they should be."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwbatch.local import Outcome, Server
from tests.api.between import Change, between
from tests.api.calling import rows, run_hastily, texts

GOOD = [("echo: say one", "ok", None), (None, "failed", "http_400"), ("echo: say two", "ok", None)]
FRAME = texts("one", "odd", "two")


def run_through(change: Change, frame: pd.DataFrame = FRAME) -> pd.DataFrame:
    """A run whose result lines are changed on their way; rows with ``odd`` fail."""

    def script(_: str, body: dict[str, Any]) -> Outcome | None:
        return Outcome.status(400) if "odd" in body["messages"][0]["content"] else None

    with Server(outcomes=script) as server, between(server, change) as (_, address):
        return run_hastily(server, frame, base_url=address)


def twice(lines: list[bytes]) -> list[bytes]:
    return lines * 2


def backwards(lines: list[bytes]) -> list[bytes]:
    return lines[::-1]


def with_blank_lines(lines: list[bytes]) -> list[bytes]:
    return [b"\n", *lines, b"  \n"]


def with_carriage_returns(lines: list[bytes]) -> list[bytes]:
    return [line.replace(b"\n", b"\r\n") for line in lines]


def without_the_last_newline(lines: list[bytes]) -> list[bytes]:
    return [*lines[:-1], *(line.rstrip(b"\n") for line in lines[-1:])]


def with_a_line_of_another_batch(lines: list[bytes]) -> list[bytes]:
    return [*lines, b'{"id":"x","custom_id":"somebody-else","response":null,"error":{"message":"no"}}\n']


def with_noise(lines: list[bytes]) -> list[bytes]:
    return [b"\xff\xfe not a line\n", *lines, b'{"cut": \n']


@pytest.mark.parametrize(
    "change",
    [
        backwards,
        twice,
        with_blank_lines,
        with_carriage_returns,
        without_the_last_newline,
        with_a_line_of_another_batch,
        with_noise,
    ],
)
def test_order_doubles_and_noise_change_nothing(change: Change) -> None:
    assert rows(run_through(change)) == GOOD


def changing_one(spoil: Callable[[dict[str, Any]], bytes]) -> Change:
    """Spoil the line that answers the row ``one``."""

    def change(lines: list[bytes]) -> list[bytes]:
        return [spoil(json.loads(line)) + b"\n" if b"say one" in line else line for line in lines]

    return change


@pytest.mark.parametrize(
    ("spoil", "status", "code"),
    [
        (lambda line: json.dumps(line).encode()[:-20], "failed", "malformed_line"),
        (lambda line: json.dumps({**line, "response": None}).encode(), "failed", "malformed_line"),
        (
            lambda line: b'{"custom_id":' + json.dumps(line["custom_id"]).encode() + b"}",
            "failed",
            "malformed_line",
        ),
        (lambda line: json.dumps(line).encode().replace(b"say one", b"\xff"), "failed", "malformed_line"),
        (lambda line: json.dumps({**line, "custom_id": None}).encode(), "missing", "no_result_line"),
        (lambda _: b"[]", "missing", "no_result_line"),
        (
            lambda line: json.dumps({**line, "response": {"status_code": 200, "body": None}}).encode(),
            "failed",
            "unknown_error",
        ),
        (
            lambda line: json.dumps({**line, "response": {"status_code": 500, "body": "oh"}}).encode(),
            "failed",
            "http_500",
        ),
        (
            lambda line: json.dumps(
                {**line, "response": None, "error": {"code": "batch_expired", "message": ""}}
            ).encode(),
            "expired",
            "batch_expired",
        ),
    ],
)
def test_a_line_that_cannot_be_used_costs_its_own_row(
    spoil: Callable[[dict[str, Any]], bytes], status: str, code: str
) -> None:
    out = run_through(changing_one(spoil))

    assert rows(out) == [(None, status, code), *GOOD[1:]]


def test_a_line_that_never_came_is_a_missing_row() -> None:
    out = run_through(lambda lines: [line for line in lines if b"say one" not in line])

    assert rows(out) == [(None, "missing", "no_result_line"), *GOOD[1:]]


def test_an_answer_is_never_hidden_by_a_later_failure_of_the_same_request() -> None:
    def fail_afterwards(lines: list[bytes]) -> list[bytes]:
        late = [
            {
                "id": "late",
                "custom_id": json.loads(line)["custom_id"],
                "response": None,
                "error": {"message": "x"},
            }
            for line in lines
        ]
        return [*lines, *(json.dumps(line).encode() + b"\n" for line in late)]

    out = run_through(fail_afterwards)

    assert [row[0] for row in rows(out)] == [row[0] for row in GOOD]


@settings(max_examples=10)
@given(st.randoms(use_true_random=False), st.permutations(range(8)))
def test_no_order_of_lines_moves_an_answer(shuffle: Any, labels: list[int]) -> None:
    frame = pd.DataFrame({"text": [f"n{label}" for label in labels]}, index=labels)

    out = run_through(lambda lines: sorted(lines * 2, key=lambda _: shuffle.random()), frame)

    assert out["response"].tolist() == [f"echo: say n{label}" for label in labels]
