"""Messages from a column or a callable: whole conversations that differ from row to row."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dwbatch
from dwbatch.errors import InputError
from dwbatch.local import Server
from tests.api.calling import Run, posts, rows, texts
from tests.asking.telling import heard, told_in

USER = {"role": "user", "content": "What is it?"}
CALLS = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}],
}
FOUND = {"role": "tool", "tool_call_id": "c1", "content": "a mug"}


@pytest.mark.parametrize(
    "cell",
    [
        [USER, CALLS, FOUND],
        (USER, CALLS, FOUND),
        np.array([USER, CALLS, FOUND], dtype=object),
        json.dumps([USER, CALLS, FOUND]),
        [USER, {key: CALLS[key] for key in ("role", "tool_calls")}, {**FOUND, "name": None}],
    ],
    ids=["list", "tuple", "array", "json", "nulls"],
)
def test_a_column_of_messages_is_sent_message_by_message(cell: object) -> None:
    frame = pd.DataFrame({"turns": pd.Series([cell], dtype=object)})

    (body,) = heard(frame, messages="turns", system="Be brief.")

    assert body["messages"] == [{"role": "system", "content": "Be brief."}, USER, CALLS, FOUND]


def test_a_frame_that_went_through_parquet_makes_the_same_requests(server: Server, run: Run) -> None:
    without_content = {key: CALLS[key] for key in ("role", "tool_calls")}
    parts = {"role": "user", "content": [{"type": "text", "text": "And now?"}]}
    frame = pd.DataFrame({"turns": [[USER, without_content, FOUND], [USER]]})
    frame.to_parquet("turns.parquet")
    with_parts = pd.DataFrame({"turns": [[parts]]})
    with_parts.to_parquet("parts.parquet")
    run(frame, None, messages="turns")
    run(with_parts, None, messages="turns")
    sent = posts(server)

    again = run(pd.read_parquet("turns.parquet"), None, messages="turns")
    run(pd.read_parquet("parts.parquet"), None, messages="turns")
    run(pd.read_parquet("turns.parquet", dtype_backend="pyarrow"), None, messages="turns")

    assert posts(server) == sent
    assert again["response_status"].tolist() == ["ok", "ok"]


@pytest.mark.parametrize(
    ("cell", "code", "reason"),
    [
        (None, "null_input", "column 'turns' is null"),
        ("hello", "unencodable_input", "column 'turns' holds a text that is not JSON, and no messages"),
        ('{"role": "user"}', "unencodable_input", "column 'turns' is 'dict' and no list of messages"),
        (7, "unencodable_input", "column 'turns' is 'int' and no list of messages"),
        ([], "unencodable_input", "column 'turns' holds no message"),
        (["hi"], "unencodable_input", "message 0 of column 'turns' is 'str' and no message"),
        ([USER, {"role": "bot", "content": "x"}], "unencodable_input", "message 1 of column 'turns' has the role 'bot'"),
        ([{"role": "user", "content": 5}], "unencodable_input", "neither a text nor a list of parts"),
        ([{"role": "user", "content": None}], "null_input", "message 0 of column 'turns' has no content"),
        ([{"role": "user", "content": "\ud800"}], "unencodable_input", "the text holds a lone surrogate"),
        ([{"role": "user", "content": "x", "at": b"1"}], "unencodable_input", "is not JSON: "),
    ],
)  # fmt: skip
def test_a_row_without_messages_is_skipped_and_says_why(
    run: Run, cell: object, code: str, reason: str
) -> None:
    frame = pd.DataFrame({"turns": pd.Series([[USER], cell, [CALLS]], dtype=object)})

    out = run(frame, None, messages="turns")

    assert out["response_status"].tolist() == ["ok", "skipped", "ok"]
    assert told_in(out, "response_error_code", 1) == code
    assert reason in told_in(out, "response_error", 1)


def test_a_column_that_holds_no_messages_at_all_skips_every_row(run: Run) -> None:
    out = run(texts("a", "b"), None, messages="text")

    assert out["response_status"].tolist() == ["skipped", "skipped"]


def test_a_callable_makes_a_text_of_a_row_with_plain_values() -> None:
    seen: list[dict[str, Any]] = []

    def ask(row: dict[str, Any]) -> str:
        seen.append(dict(row))
        return f"{row['sku']}: {row['price']}"

    frame = pd.DataFrame(
        {"price": [3.0, np.nan], "when": pd.to_datetime(["2026-01-02"] * 2)},
        index=pd.Index([7, 8], name="sku"),
    )

    bodies = heard(frame, ask)

    assert [body["messages"] for body in bodies] == [
        [{"role": "user", "content": "7: 3"}],
        [{"role": "user", "content": "8: None"}],
    ]
    assert seen[0] == {"price": 3, "when": pd.Timestamp("2026-01-02"), "sku": 7}
    assert type(seen[0]["price"]) is int


def test_a_callable_makes_a_conversation_of_a_row() -> None:
    frame = pd.DataFrame({"turns": [[USER, CALLS]], "seen": ["a mug"]})

    def carry_on(row: dict[str, Any]) -> object:
        return [*row["turns"], {**FOUND, "content": row["seen"]}]

    (body,) = heard(frame, messages=carry_on)

    assert body["messages"] == [USER, CALLS, FOUND]


def test_a_callable_that_raises_costs_its_row_alone(run: Run) -> None:
    out = run(texts("1", "x", "3"), lambda row: f"say {int(row['text'])}")

    assert rows(out)[1] == (None, "skipped", "unencodable_input")
    assert out["response_status"].tolist() == ["ok", "skipped", "ok"]
    assert told_in(out, "response_error", 1).startswith(
        "the callable raised ValueError: invalid literal for int()"
    )


def test_a_callable_that_returns_none_skips_its_row(run: Run) -> None:
    out = run(texts("yes", "no"), lambda row: row["text"] if row["text"] == "yes" else None)

    assert rows(out) == [("echo: yes", "ok", None), (None, "skipped", "null_input")]


def test_a_callable_that_never_works_is_an_error_with_its_cause(server: Server, run: Run) -> None:
    with pytest.raises(
        InputError, match="no request of any of the 2 rows; it first raised ZeroDivision"
    ) as told:
        run(texts("a", "b"), lambda row: f"{row} {1 / 0}")

    assert isinstance(told.value.__cause__, ZeroDivisionError)
    assert posts(server) == []


def test_a_callable_that_asks_for_no_column_is_refused_at_once(run: Run) -> None:
    with pytest.raises(InputError, match=r"asked its row for 'txt', which is no column\. Columns: 'text'"):
        run(texts("a", "b"), lambda row: row["txt"] if row["text"] == "b" else "fine")


def test_an_async_callable_is_refused(run: Run) -> None:
    async def ask(row: dict[str, Any]) -> str:
        return str(row)

    with pytest.raises(InputError, match="The callable is async"):
        run(texts("a"), ask)


def test_a_callable_that_says_something_else_each_time_sends_nothing(server: Server, run: Run) -> None:
    count = iter(range(10))

    with pytest.raises(dwbatch.DwbatchError, match="is not what it was when its request was planned"):
        run(texts("a"), lambda row: f"{row['text']} {next(count)}")

    assert "/batches" not in posts(server)


def test_messages_name_columns_beside_what_stands_as_it_is() -> None:
    shots: list[dict[str, Any]] = [
        {"role": "user", "content": "Where is {{it}}?", "name": "{who}"},
        CALLS,
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "at {place}"}]},
        {"role": "user", "content": ["Look:", "{place}"]},
    ]
    frame = pd.DataFrame({"who": ["ada"], "place": ["home"]})

    (body,) = heard(frame, messages=shots)

    assert body["messages"] == [
        {"role": "user", "content": "Where is {it}?", "name": "ada"},
        CALLS,
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "at home"}]},
        {"role": "user", "content": [{"type": "text", "text": "Look:"}, {"type": "text", "text": "home"}]},
    ]


def test_the_recipe_says_a_callable_and_a_column_by_their_names(run: Run) -> None:
    def ask(row: dict[str, Any]) -> str:
        return str(row["text"])

    frame = pd.DataFrame({"text": ["a"], "turns": [[USER]]})
    run(frame, ask)
    run(frame, None, messages="turns")

    recipes = json.loads(Path("job/recipe.json").read_text(encoding="utf-8"))["recipes"].values()

    assert {json.dumps(recipe.get("prompt", recipe.get("messages"))) for recipe in recipes} == {
        '{"callable": "ask"}',
        '{"column": "turns"}',
    }
