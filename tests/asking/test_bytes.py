"""What the server receives is what `json.dumps` would say, whatever stands in a cell."""

import json
from typing import Any

import pandas as pd
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from dwbatch.local import Server
from tests.api.calling import Run, files, texts
from tests.asking.telling import heard

HOSTILE = [
    'quotes " and \\ and {braces} {{twice}}',
    "\x00\x01\x1f\x7f\n\r\t\b",
    "line\u2028 and paragraph\u2029 and \u0085",
    "😀👩‍👩‍👧 e\u0301 \U0010ffff",
    "\u202e\u05e2\u05d1\u05e8\u05d9\u05ea \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    " " * 3,
    '"}],"model":"other"}\n{"custom_id":"x"}',
    "long " * 200_000,
]


def lines(server: Server) -> list[dict[str, Any]]:
    """Every line of every file, as its bytes stand at the server."""
    found: list[dict[str, Any]] = []
    for file in files(server):
        content = requests.get(f"{server.base_url}/files/{file['id']}/content", timeout=60).content
        found += [json.loads(line) for line in content.split(b"\n") if line]
    return found


def test_hostile_texts_arrive_byte_for_byte() -> None:
    bodies = heard(texts(*HOSTILE), "{text}|{text!r}")

    assert sorted(body["messages"][0]["content"] for body in bodies) == sorted(
        f"{text}|{text!r}" for text in HOSTILE
    )


def test_hostile_texts_arrive_through_columns_and_callables_too() -> None:
    turns = [[{"role": "user", "content": text}] for text in HOSTILE]

    by_column = heard(pd.DataFrame({"turns": turns}), messages="turns")
    by_callable = heard(texts(*HOSTILE), lambda row: row["text"])

    assert by_column == by_callable
    assert sorted(body["messages"][0]["content"] for body in by_column) == sorted(HOSTILE)


@pytest.mark.promise
def test_every_line_is_what_json_dumps_says(server: Server, run: Run) -> None:
    run(texts(*HOSTILE), "{text}", system="Be {text}.", temperature=0.5)

    bodies = {line["body"]["messages"][1]["content"]: line["body"] for line in lines(server)}
    assert [bodies[text] for text in HOSTILE] == [
        {
            "model": "m",
            "temperature": 0.5,
            "messages": [
                {"role": "system", "content": f"Be {text}."},
                {"role": "user", "content": text},
            ],
        }
        for text in HOSTILE
    ]


@settings(max_examples=15)
@given(
    cells=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=20, unique=True)
)
def test_any_text_arrives_as_it_is(cells: list[str]) -> None:
    bodies = heard(texts(*cells, dtype=object), "<{text}>", checkpoint=False)

    assert sorted(body["messages"][0]["content"] for body in bodies) == sorted(f"<{cell}>" for cell in cells)


JSON = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=15)
@given(
    extras=st.lists(
        st.dictionaries(st.sampled_from(["name", "tool_calls", "x"]), JSON), min_size=1, max_size=4
    )
)
def test_any_message_arrives_as_it_is(extras: list[dict[str, Any]]) -> None:
    turns = [{**extra, "role": "user", "content": str(place)} for place, extra in enumerate(extras)]
    frame = pd.DataFrame({"lists": [turns], "texts": [json.dumps(turns)]})

    (from_lists,) = heard(frame, messages="lists", checkpoint=False)
    (from_texts,) = heard(frame, messages="texts", checkpoint=False)

    assert from_lists["messages"] == turns
    assert from_texts == from_lists
