"""A line to a server that runs for a whole file of tests, and a server whose model waits to be let go."""

from collections.abc import Iterator
from typing import Literal

import pytest

from dwbatch.local import Server
from tests.engine.elsewhere import Model
from tests.engine.weather import Weather, weather_over


@pytest.fixture(scope="module")
def shared_server(dialect: Literal["doubleword", "openai"]) -> Iterator[Server]:
    with Server(dialect=dialect) as running:
        yield running


@pytest.fixture
def weather(shared_server: Server) -> Iterator[Weather]:
    with weather_over(shared_server) as over:
        yield over


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def server(model: Model) -> Iterator[Server]:
    with Server(answer=model) as running:
        yield running
        model.may_answer.set()
