"""A line to a server that runs for a whole file of tests; a test that scripts the server starts its own."""

from collections.abc import Iterator

import pytest

from dwbatch.local import Server
from tests.engine.weather import Weather, weather_over


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def weather(shared_server: Server) -> Iterator[Weather]:
    with weather_over(shared_server) as over:
        yield over
