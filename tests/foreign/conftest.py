"""Servers in both dialects, and the official SDK that speaks to them."""

from collections.abc import Iterator
from typing import Literal

import openai
import pytest

from dwbatch.local import Outcome, Server

KEY = "sk-right"
BAD = {"bad": Outcome.status(400, {"error": {"message": "too long"}})}


@pytest.fixture(params=["doubleword", "openai"])
def dialect(request: pytest.FixtureRequest) -> Literal["doubleword", "openai"]:
    spoken: Literal["doubleword", "openai"] = request.param
    return spoken


@pytest.fixture
def server(dialect: Literal["doubleword", "openai"]) -> Iterator[Server]:
    with Server(dialect=dialect, keys=[KEY], outcomes=BAD) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=KEY, base_url=server.base_url, max_retries=0) as calling:
        yield calling
