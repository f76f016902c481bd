"""The official SDK does against either dialect what its own guide to batches does."""

import json

import openai
import pytest

from dwbatch.local import Server
from tests.foreign.calling import create, custom_ids, finish, jsonl
from tests.local.asking import line


def test_a_file_comes_back_as_it_went_in_until_it_is_deleted(client: openai.OpenAI) -> None:
    made = client.files.create(file=jsonl("a", "b"), purpose="batch")

    got = client.files.retrieve(made.id)
    lines = [json.loads(one) for one in client.files.content(made.id).content.splitlines()]
    deleted = client.files.delete(made.id)

    assert (got.id, got.filename, got.bytes) == (made.id, "job.jsonl", len(jsonl("a", "b")[1]))
    assert lines == [line("a"), line("b")]
    assert deleted.deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made.id)


def test_every_file_of_a_paged_list_is_seen_once(client: openai.OpenAI) -> None:
    made = [client.files.create(file=jsonl(one), purpose="batch").id for one in "abcde"]

    listed = [file.id for file in client.files.list(limit=2)]

    assert listed == made[::-1]


def test_every_batch_of_a_paged_list_is_seen_once(client: openai.OpenAI) -> None:
    made = [create(client, one).id for one in "abcde"]

    listed = [batch.id for batch in client.batches.list(limit=2)]

    assert listed == made[::-1]


def test_a_batch_answers_some_rows_and_says_which_it_could_not(client: openai.OpenAI) -> None:
    batch = finish(client, create(client, "a", "bad", "c"))

    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert batch.request_counts.to_dict() == {"total": 3, "completed": 2, "failed": 1}
    assert sorted(custom_ids(client, batch.output_file_id)) == ["a", "c"]
    assert custom_ids(client, batch.error_file_id) == ["bad"]


def test_metadata_comes_back(client: openai.OpenAI) -> None:
    file = client.files.create(file=jsonl("a"), purpose="batch")

    batch = client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"token": "k3x9"},
    )

    assert batch.metadata is not None
    assert batch.metadata["token"] == "k3x9"


def test_a_batch_that_runs_can_be_cancelled(client: openai.OpenAI, server: Server) -> None:
    server.faults.batch("stalled")
    running = create(client, "a")

    cancelling = client.batches.cancel(running.id)
    cancelled = finish(client, cancelling)

    assert cancelling.status in {"cancelling", "cancelled"}
    assert (cancelled.id, cancelled.status) == (running.id, "cancelled")


def test_the_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.object for model in client.models.list()] == ["model"]


def test_a_strangers_key_is_an_authentication_error(client: openai.OpenAI) -> None:
    stranger = client.with_options(api_key="sk-wrong")

    with pytest.raises(openai.AuthenticationError):
        stranger.files.list()


def test_a_batch_that_is_not_there_is_a_not_found_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("00000000-0000-0000-0000-000000000000")


def test_an_unknown_window_is_a_bad_request_error(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="24h"):
        client.batches.create(
            input_file_id="x",
            endpoint="/v1/chat/completions",
            completion_window="24h",
            # The SDK's types know one window only; what is here wins.
            extra_body={"completion_window": "3h"},
        )


def test_a_server_at_capacity_is_a_rate_limit_error(client: openai.OpenAI, server: Server) -> None:
    server.faults.too_many("POST", "/batches", why="capacity")

    with pytest.raises(openai.RateLimitError) as refused:
        create(client, "a")

    assert refused.value.response.headers["retry-after"] == "60"


def test_a_create_whose_reply_was_lost_is_sent_and_bought_again(
    client: openai.OpenAI, server: Server
) -> None:
    server.faults.reset("POST", "/batches", when="after")

    kept = finish(client, create(client.with_options(max_retries=1), "a"))

    listed = [batch.id for batch in client.batches.list()]
    assert kept.id in listed
    assert len(listed) == 2
