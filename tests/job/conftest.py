from collections.abc import Iterator

import pytest

from dwbatch.local import Server
from tests.job.holding import Model


@pytest.fixture(autouse=True)
def _alone(alone: None) -> None:
    """Every test of this folder is by itself."""


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture(params=["doubleword", "openai"])
def server(request: pytest.FixtureRequest, model: Model) -> Iterator[Server]:
    with Server(answer=model, outcomes=model.outcome, dialect=request.param) as running:
        yield running
        model.may_answer.set()
