"""What a job cost, by the server's word and by the answers' own, and where the server has no word."""

from decimal import Decimal

from dwbatch.local import Server
from tests.job.holding import Model, still


def test_cost_counts_what_was_billed_and_used() -> None:
    model = Model()
    model.may_answer.set()
    with Server(answer=model, outcomes=model.outcome) as server:
        job = still(server)
        job.wait(progress=False)

        cost = job.cost()

        assert isinstance(cost.billed, Decimal)
        assert cost.batches["billed"].sum() == cost.billed
        assert cost.rows.index.tolist() == [*"vwxy", "v"]
        assert cost.rows["prompt_tokens"].iloc[[0, 4]].nunique() == 1
        # Equal rows are one request, and billed once.
        assert cost.prompt_tokens == cost.rows["prompt_tokens"].iloc[:4].sum() > 0
        assert cost.is_settled


def test_a_server_that_tells_no_costs_leaves_the_tokens_of_the_answers() -> None:
    model = Model()
    model.may_answer.set()
    with Server(answer=model, outcomes=model.outcome, dialect="openai") as server:
        job = still(server)
        job.wait(progress=False)

        cost = job.cost()

        assert cost.billed is None
        assert cost.completion_tokens > 0
        assert not cost.is_settled
        assert "does not tell" in str(cost)
