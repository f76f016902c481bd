"""What the server will not have: its own words, what it is about, and no purchase."""

import pytest

from dwbatch import ApiError, NotAnApiError
from dwbatch.local import Limits, Model, Server
from tests.api.calling import at, posts, rows, run_hastily, texts


def test_an_unknown_model_is_about_the_model_and_not_about_the_key() -> None:
    with Server(models={"known": Model()}) as server:
        with pytest.raises(ApiError) as caught:
            at(server)(texts("one"), model="unknown")

        assert caught.value.status == 403
        assert "Model 'unknown' has not been configured or is not available to user" in str(caught.value)
        assert "This is about the name of the model, not about the key" in str(caught.value)
        assert server.ledger() == []


def test_a_model_of_another_kind_is_refused_in_the_servers_words() -> None:
    with Server(models={"m": Model(kind="EMBEDDINGS")}) as server:
        with pytest.raises(ApiError, match="Model 'm' is a EMBEDDINGS model"):
            at(server)(texts("one"))

        assert posts(server) == ["/files"]


def test_a_window_that_is_not_offered_shows_those_that_are() -> None:
    with Server(limits=Limits(completion_windows=("24h", "1h"))) as server:
        with pytest.raises(ApiError, match=r"Unsupported completion_window\. Allowed values: 24h, 1h"):
            at(server)(texts("one"), completion_window="7h")

        assert server.ledger() == []


def test_after_a_refused_window_the_file_is_not_sent_again(server: Server) -> None:
    with pytest.raises(ApiError):
        at(server)(texts("one"), completion_window="7h")

    out = at(server)(texts("one"), completion_window="1h")

    assert out["response_status"].tolist() == ["ok"]
    assert posts(server) == ["/files", "/batches", "/batches"]


@pytest.mark.parametrize("options", [{}, {"api_key": "sk-wrong"}])
def test_a_refused_key_is_told_where_a_key_comes_from(options: dict[str, str]) -> None:
    with Server(keys=["sk-right"]) as server:
        with pytest.raises(
            ApiError, match="an inference key is needed, as api_key or in DOUBLEWORD"
        ) as caught:
            at(server)(texts("one"), **options)

        assert posts(server) == []
    assert caught.value.status == 401
    assert "sk-wrong" not in str(caught.value)


def test_the_same_call_with_the_right_key_goes_on() -> None:
    with Server(keys=["sk-right"]) as server:
        with pytest.raises(ApiError):
            at(server)(texts("one"), api_key="sk-wrong")

        out = at(server)(texts("one"), api_key="sk-right")

    assert out["response_status"].tolist() == ["ok"]


def test_an_address_that_answers_as_something_else_says_so(server: Server) -> None:
    with pytest.raises(
        NotAnApiError, match=r"with a web page, not with the batch API\. The base URL is probably"
    ):
        at(server)(texts("one"), base_url=server.base_url.removesuffix("/v1"))

    assert posts(server) == []


def test_rows_that_the_account_cannot_pay_say_so_and_are_bought_by_the_next_call() -> None:
    with Server(balance=0) as server:
        poor = run_hastily(server, texts("one", "two"))
        server.balance = None
        rich = run_hastily(server, texts("one", "two"))

        assert rows(poor) == [(None, "failed", "insufficient_credits")] * 2
        assert rich["response_status"].tolist() == ["ok", "ok"]
        assert len(server.ledger()) == 2


def test_a_row_whose_body_the_server_refuses_costs_that_row() -> None:
    with Server(limits=Limits(max_body_bytes=200)) as server:
        out = run_hastily(server, texts("one", "x" * 300, "two"))

        assert out["response_status"].tolist() == ["ok", "failed", "ok"]
        assert out.loc[1, "response_error_code"] == "http_400"
        assert "exceeds the maximum allowed size of 200 bytes" in str(out.loc[1, "response_error"])
        assert len(server.ledger()) == 2


def test_a_file_that_the_server_finds_too_large_is_cut_anew() -> None:
    with Server(limits=Limits(max_requests_per_file=2)) as server:
        out = run_hastily(server, texts(*"abcde"))

        assert out["response"].tolist() == [f"echo: say {letter}" for letter in "abcde"]
        assert len(server.ledger()) == 5
