import socket
from collections.abc import Callable, Iterator

import pytest

from dwbatch.wire.client import Client
from tests.wire.awkward import AwkwardServer
from tests.wire.shapes import KEY


@pytest.fixture
def server() -> Iterator[AwkwardServer]:
    server = AwkwardServer()
    yield server
    server.close()


@pytest.fixture
def pauses() -> list[float]:
    """Seconds that the client waited, in order; no second passes."""
    return []


@pytest.fixture
def client(server: AwkwardServer, pauses: list[float]) -> Iterator[Client]:
    with Client(server.base_url, KEY, pause=pauses.append, read_timeout_s=5.0) as client:
        yield client


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections, and that nobody else can take meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def refusing(closed_port: int, pauses: list[float]) -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def make(**options: object) -> Client:
        client = Client(f"http://127.0.0.1:{closed_port}/v1", KEY, pause=pauses.append, **options)  # type: ignore[arg-type]  # options of Client, by name
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()
