"""Servers that say odd things: batches, counts, results and costs as other servers of the kind tell them."""

import json
from collections.abc import Callable
from typing import Any

import requests

from tests.engine.elsewhere import Altered, Reply

Change = Callable[[dict[str, Any]], dict[str, Any]]


def session_of(change: Change, calls: str = "GET /batches") -> requests.Session:
    """A session in which the JSON that answers some calls is told otherwise, a list's members one by one."""

    def reply(call: str, status: int, body: bytes) -> Reply:
        if not call.startswith(calls) or status != requests.codes.ok:
            return status, body
        said = json.loads(body)
        told = {**said, "data": [change(each) for each in said["data"]]} if "data" in said else change(said)
        return status, json.dumps(told).encode()

    session = requests.Session()
    session.mount("http://", Altered(reply=reply))
    return session


def batches(**fields: Any) -> Change:
    """Every batch with some of its fields told otherwise; analytics as they are."""
    return lambda said: {**said, **fields} if said.get("object") == "batch" else said


def at_first(change: Change, times: int) -> Change:
    """The change, so many times; then the truth."""
    left = iter(range(times))
    return lambda said: change(said) if next(left, None) is not None else said
