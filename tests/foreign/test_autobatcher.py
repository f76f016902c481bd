"""Doubleword's autobatcher works here as it does against the real server, weaknesses included."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from autobatcher import AsyncOpenAI, BatchOpenAI

from dwbatch.local import Outcome, Server
from tests.local.asking import get, read

MESSAGE = "too long"


def outcome(custom_id: str, body: dict[str, Any]) -> Outcome | None:  # noqa: ARG001 - autobatcher's ids are random
    is_bad = "bad" in str(body)
    return Outcome.status(400, {"error": {"message": MESSAGE}}) if is_bad else None


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(outcomes=outcome) as running:
        yield running


def batching(server: Server, *, batch_size: int = 1) -> BatchOpenAI:
    return BatchOpenAI(
        api_key="sk-any",
        base_url=server.base_url,
        batch_size=batch_size,
        poll_interval_seconds=0.02,
        completion_window="24h",
        max_retries=0,
    )


async def ask(client: openai.AsyncOpenAI, prompt: str) -> str | None:
    completion = await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": prompt}]
    )
    return completion.choices[0].message.content


async def ask_all(client: openai.AsyncOpenAI, *prompts: str) -> list[str | BaseException | None]:
    async with client:
        return await asyncio.gather(*(ask(client, one) for one in prompts), return_exceptions=True)


def test_concurrent_prompts_share_a_batch_and_each_gets_its_own_answer(server: Server) -> None:
    answers = asyncio.run(ask_all(batching(server, batch_size=3), "one", "two", "three"))

    assert answers == ["echo: one", "echo: two", "echo: three"]
    assert [call[:2] for call in server.exchanges()].count(("POST", "/v1/batches")) == 1


def test_embeddings_come_by_batch(server: Server) -> None:
    async def embed() -> openai.types.CreateEmbeddingResponse:
        async with batching(server) as client:
            return await client.embeddings.create(model="m", input=["one", "two"])

    embedded = asyncio.run(embed())

    assert [len(one.embedding) for one in embedded.data] == [8, 8]


def test_the_reason_of_a_failed_row_stays_unread_in_the_error_file(server: Server) -> None:
    fine, failed = asyncio.run(ask_all(batching(server, batch_size=2), "fine", "bad"))

    assert fine == "echo: fine"
    assert str(failed).startswith("No result for request ")
    (batch,) = get(server, "/batches").json()["data"]
    paths = [path for _, path, _ in server.exchanges()]
    assert f"/v1/files/{batch['output_file_id']}/content" in paths
    assert f"/v1/files/{batch['error_file_id']}/content" not in paths
    assert MESSAGE in read(server, batch["error_file_id"])[0]["error"]["message"]


def test_a_batch_whose_rows_all_fail_says_no_more_than_that(server: Server) -> None:
    (failed,) = asyncio.run(ask_all(batching(server), "bad"))

    (batch,) = get(server, "/batches").json()["data"]
    assert str(failed) == f"Batch {batch['id']} failed"


def test_the_offset_that_it_asks_for_is_ignored_and_every_line_comes_again() -> None:
    gate = threading.Event()
    seen: list[tuple[bytes, int]] = []

    def answer(body: dict[str, Any]) -> str:
        if body["messages"][0]["content"] == "slow":
            gate.wait()
        return "done"

    async def watch(reply: httpx.Response) -> None:
        await reply.aread()
        seen.append((reply.request.url.query, reply.content.count(b"\n")))
        if reply.request.url.query:
            gate.set()

    with Server(answer=answer) as server:
        client = batching(server, batch_size=2)
        client._http_client.event_hooks["response"].append(watch)

        answers = asyncio.run(ask_all(client, "quick", "slow"))

    assert answers == ["done", "done"]
    assert (b"offset=1", 1) in seen
    assert seen[-1] == (b"offset=1", 2)


def test_its_default_tier_is_realtime_which_this_server_does_not_sell(server: Server) -> None:
    client = AsyncOpenAI(api_key="sk-any", base_url=server.base_url, max_retries=0)

    (failed,) = asyncio.run(ask_all(client, "one"))

    assert isinstance(failed, openai.NotFoundError)
    assert [call[:2] for call in server.exchanges()] == [("POST", "/v1/responses")]
    assert server.ledger() == []
