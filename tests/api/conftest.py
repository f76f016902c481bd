import pytest

from dwbatch.local import Server
from tests.api.calling import Run, at


@pytest.fixture(autouse=True)
def _alone(alone: None) -> None:
    """Every test of this folder is by itself."""


@pytest.fixture
def run(server: Server) -> Run:
    return at(server)
