"""Doubleword's classes for LangChain buy their batches here; what they buy in real time is not on sale."""

import asyncio
from collections.abc import Iterator

import openai
import pytest
from langchain_core.messages.ai import UsageMetadata
from langchain_doubleword import ChatDoublewordAsync, ChatDoublewordBatch, DoublewordEmbeddingsBatch
from pydantic import SecretStr

from dwbatch.local import Server

KEY = SecretStr("sk-any")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def chat(server: Server, *, batch_size: int = 1) -> ChatDoublewordBatch:
    return ChatDoublewordBatch(
        model="m",
        api_key=KEY,
        base_url=server.base_url,
        batch_size=batch_size,
        poll_interval_seconds=0.02,
    )


def batches_made(server: Server) -> int:
    return [call[:2] for call in server.exchanges()].count(("POST", "/v1/batches"))


def test_a_list_of_prompts_is_one_batch_and_keeps_its_order(server: Server) -> None:
    async def ask() -> list[str]:
        model = chat(server, batch_size=3)
        messages = await model.abatch(["one", "two", "three"])
        await model.root_async_client.close()
        return [str(message.content) for message in messages]

    answers = asyncio.run(ask())

    assert answers == ["echo: one", "echo: two", "echo: three"]
    assert batches_made(server) == 1


def test_what_was_used_comes_with_the_answer(server: Server) -> None:
    async def ask() -> UsageMetadata | None:
        model = chat(server)
        message = await model.ainvoke("one")
        await model.root_async_client.close()
        return message.usage_metadata

    used = asyncio.run(ask())

    (bill,) = server.ledger()
    assert used is not None
    assert (used["input_tokens"], used["output_tokens"]) == (bill.prompt_tokens, bill.completion_tokens)


def test_texts_are_embedded_by_batch(server: Server) -> None:
    async def embed() -> list[list[float]]:
        embeddings = DoublewordEmbeddingsBatch(
            model="m",
            api_key=KEY,
            base_url=server.base_url,
            batch_size=1,
            poll_interval_seconds=0.02,
            # Else tiktoken would fetch a vocabulary from the network.
            check_embedding_ctx_length=False,
        )
        vectors = await embeddings.aembed_documents(["one", "two"])
        await embeddings.async_client._client.close()
        return vectors

    vectors = asyncio.run(embed())

    assert [len(one) for one in vectors] == [8, 8]
    assert batches_made(server) == 1


def test_a_call_that_would_block_is_refused_before_anything_is_sent(server: Server) -> None:
    with pytest.raises(NotImplementedError, match="async-only"):
        chat(server).invoke("one")

    assert server.exchanges() == []


def test_its_one_hour_tier_is_realtime_and_buys_no_batch(server: Server) -> None:
    async def ask() -> None:
        model = ChatDoublewordAsync(model="m", api_key=KEY, base_url=server.base_url, max_retries=0)
        try:
            await model.ainvoke("one")
        finally:
            await model.root_async_client.close()

    with pytest.raises(openai.NotFoundError):
        asyncio.run(ask())

    assert server.exchanges() == [("POST", "/v1/responses", 404)]
