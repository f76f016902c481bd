"""The few calls that tests make through the official SDK."""

import json

import openai
from openai.types import Batch

from tests.local.asking import line


def jsonl(*custom_ids: str) -> tuple[str, bytes]:
    """A file of chat requests, as the SDK takes it."""
    return "job.jsonl", "".join(json.dumps(line(one)) + "\n" for one in custom_ids).encode()


def create(client: openai.OpenAI, *custom_ids: str) -> Batch:
    """A batch over requests with these custom_ids."""
    file = client.files.create(file=jsonl(*custom_ids), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )


def finish(client: openai.OpenAI, batch: Batch) -> Batch:
    """The batch once it is over."""
    while batch.status not in {"completed", "failed", "cancelled"}:
        batch = client.batches.retrieve(batch.id)
    return batch


def custom_ids(client: openai.OpenAI, file_id: str | None, **query: object) -> list[str]:
    """The custom_id of each line of a file."""
    assert file_id is not None
    content = client.files.content(file_id, extra_query=query).content
    return [json.loads(one)["custom_id"] for one in content.splitlines()]
