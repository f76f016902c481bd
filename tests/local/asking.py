"""The few calls that tests make of a local server."""

import json
from typing import Any

import requests
from hypothesis import settings

from dwbatch.local import Server

# Each example is an exchange or several.
brief = settings(max_examples=50)


def line(custom_id: str, content: str | None = None, **body: Any) -> dict[str, Any]:
    """A chat request line."""
    messages = [{"role": "user", "content": f"say {custom_id}" if content is None else content}]
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "m", "messages": messages, **body},
    }


def upload(server: Server, *custom_ids: str, status: int = 201) -> Any:
    """The id of an uploaded file with these requests, or the sentence of its refusal."""
    return upload_bytes(
        server, "".join(json.dumps(line(one)) + "\n" for one in custom_ids).encode(), status=status
    )


def upload_bytes(server: Server, content: bytes, *, status: int = 201, name: str = "job.jsonl") -> Any:
    """The id of an uploaded file of these bytes, or the sentence of its refusal."""
    reply = requests.post(
        f"{server.base_url}/files", files={"file": (name, content)}, data={"purpose": "batch"}, timeout=30
    )
    assert reply.status_code == status, reply.text
    return reply.json()["id"] if reply.ok else reply.text


def create(server: Server, file_id: str, **order: Any) -> dict[str, Any]:
    """A batch over a file."""
    body = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h", **order}
    reply = requests.post(f"{server.base_url}/batches", json=body, timeout=60)
    assert reply.status_code == 201, reply.text
    created: dict[str, Any] = reply.json()
    return created


def finish(server: Server, batch: dict[str, Any]) -> dict[str, Any]:
    """The batch once it is over."""
    while True:
        shown: dict[str, Any] = requests.get(f"{server.base_url}/batches/{batch['id']}", timeout=60).json()
        if shown["status"] in {"completed", "failed", "cancelled"}:
            return shown


def read(server: Server, file_id: str, **query: Any) -> list[dict[str, Any]]:
    """The lines of a file."""
    reply = requests.get(f"{server.base_url}/files/{file_id}/content", params=query, timeout=30)
    assert reply.status_code == 200, reply.text
    return [json.loads(one) for one in reply.content.split(b"\n") if one]


def finished(server: Server, *custom_ids: str) -> dict[str, Any]:
    """A batch over requests with these custom_ids, once it is over."""
    return finish(server, create(server, upload(server, *custom_ids)))


def get(server: Server, path: str, **query: Any) -> requests.Response:
    """The reply to a GET."""
    return requests.get(f"{server.base_url}{path}", params=query, timeout=60)


def listed(server: Server, path: str, **query: Any) -> list[str]:
    """Ids of a page of a list."""
    return [one["id"] for one in get(server, path, **query).json()["data"]]
