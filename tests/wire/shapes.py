"""What the real server sends, in the smallest form that has the shape."""

import json
from typing import Any

from tests.wire.awkward import Reply

KEY = "sk-invented-key-that-must-never-show"

BATCH: dict[str, Any] = {"id": "b1", "object": "batch", "status": "validating", "input_file_id": "f1"}
FILE: dict[str, Any] = {"id": "f1", "object": "file", "bytes": 3, "filename": "a.jsonl", "purpose": "batch"}


def as_json(body: object, *, status: int = 200, **headers: str) -> Reply:
    return Reply(
        status=status, headers={"Content-Type": "application/json", **headers}, body=json.dumps(body).encode()
    )


def as_text(text: str, *, status: int, **headers: str) -> Reply:
    return Reply(
        status=status, headers={"Content-Type": "text/plain; charset=utf-8", **headers}, body=text.encode()
    )


def page_of(*found: dict[str, Any], has_more: bool = False) -> Reply:
    return as_json({"object": "list", "data": list(found), "has_more": has_more})
