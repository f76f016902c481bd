"""max_cost= of a retry: what costs too much is not bought, and what is uploaded goes up once."""

from collections.abc import Iterator

import pytest

import dwbatch
from dwbatch.local import Server
from tests.api.calling import posts
from tests.job.holding import Model
from tests.job.test_retry import ANSWERED, done

pytestmark = pytest.mark.only_doubleword(
    "OpenAI estimates no cost, and without an estimate a limit stops all"
)


@pytest.fixture
def server(model: Model) -> Iterator[Server]:
    with Server(answer=model, outcomes=model.outcome) as running:
        yield running


def test_what_costs_too_much_is_uploaded_once_and_bought_by_a_higher_limit(
    server: Server, model: Model
) -> None:
    job = done(server, model)
    for _ in range(2):
        with pytest.raises(dwbatch.CostLimitError, match="Nothing was bought; the files are uploaded"):
            job.retry("failed", max_tokens=99, max_cost=0, progress=False)
    assert posts(server) == ["/files", "/batches", "/files"]

    out = job.retry("failed", max_tokens=99, max_cost=1, progress=False).result(progress=False)

    assert out["response_status"].tolist() == ANSWERED
    assert posts(server) == ["/files", "/batches"] * 2


def test_what_was_uploaded_to_ask_otherwise_is_not_bought(server: Server, model: Model) -> None:
    job = done(server, model)
    with pytest.raises(dwbatch.CostLimitError):
        job.retry("failed", max_tokens=99, max_cost=0, progress=False)

    again = job.retry("failed", max_tokens=98, max_cost=1, progress=False)

    assert posts(server) == ["/files", "/batches"] + ["/files"] * 2 + ["/batches"]
    assert [shard.state for shard in again._held.every()][1:] == ["DROPPED", "SUBMITTED"]
