"""A line to a server that runs for a whole file of tests; a test that scripts the server starts its own."""

from collections.abc import Iterator
from typing import Literal

import pytest

from dwbatch.local import Server
from tests.engine.weather import Weather, weather_over


@pytest.fixture(scope="module")
def shared_server(dialect: Literal["doubleword", "openai"]) -> Iterator[Server]:
    with Server(dialect=dialect) as running:
        yield running


@pytest.fixture
def weather(shared_server: Server) -> Iterator[Weather]:
    with weather_over(shared_server) as over:
        yield over
