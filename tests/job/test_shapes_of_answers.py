"""A folder alone knows which shape the answers of its job have."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

import dwbatch
from dwbatch.local import Server
from tests.job.holding import options

FRAME = pd.DataFrame({"text": ["one", "two"]})
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as echoing:
        yield echoing


def run(server: Server, **more: Any) -> pd.DataFrame:
    return dwbatch.run(FRAME, "Say {text}", **options(server, poll_interval=0.02, **more))


def attached(server: Server) -> dwbatch.Job:
    return dwbatch.attach("job", base_url=server.base_url)


def test_samples_are_lists(server: Server) -> None:
    out = run(server, n=2)

    found = attached(server).result(progress=False)

    assert (
        found["response"].tolist()
        == out["response"].tolist()
        == [[f"echo: Say {x}"] * 2 for x in ("one", "two")]
    )


@pytest.mark.parametrize(
    "more",
    [
        {"n": 2},
        {"endpoint": "/v1/responses", "max_tokens": 50},
        {"endpoint": "/v1/completions"},
        {"tools": [TOOL], "tool_choice": "auto"},
        {"extra_body": {"user": "me"}, "temperature": 0},
    ],
    ids=["samples", "responses", "completions", "tools", "extra"],
)
def test_a_frame_finds_its_answers_by_what_the_folder_says(server: Server, more: dict[str, Any]) -> None:
    out = run(server, **more)

    found = attached(server).result(FRAME.iloc[::-1], progress=False)

    assert found["response_status"].tolist() == ["ok", "ok"]
    assert found["response"].tolist() == out["response"].tolist()[::-1]
