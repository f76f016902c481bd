"""What a list is asked for beside its pages."""

from typing import Any

import pytest
import requests

from dwbatch.local import Limits, Model, Server
from tests.local.asking import create, finish, get, listed, upload


@pytest.mark.parametrize("path", ["/files", "/batches"])
def test_nobody_is_a_member_of_anything(server: Server, path: str) -> None:
    reply = get(server, path, member_id="0f8f3c3e-6f0e-4d5b-9a6e-3b1c2a7d9e10")

    assert (reply.status_code, reply.text) == (
        400,
        "member_id filter is only available in organization context or for platform managers",
    )


@pytest.mark.parametrize("words", ["background", "24h,background"])
def test_nobody_is_a_manager_who_sees_batches_without_a_deadline(server: Server, words: str) -> None:
    reply = get(server, "/batches", completion_window=words)

    assert (reply.status_code, reply.text) == (
        400,
        "completion_window=background is only available for platform managers",
    )


@pytest.mark.parametrize("word", ["true", "false"])
def test_models_say_how_hard_they_think_if_asked(server: Server, word: str) -> None:
    (model,) = get(server, "/models", include_reasoning_capabilities=word).json()["data"]

    efforts = model.get("supported_reasoning_efforts")
    assert efforts == (
        ["none", "minimal", "low", "medium", "high", "xhigh", "max"] if word == "true" else None
    )


@pytest.mark.parametrize(
    ("include", "is_shown"), [("analytics", True), ("x, analytics", True), ("x", False), ("", False)]
)
def test_analytics_are_one_of_the_things_to_include(server: Server, include: str, *, is_shown: bool) -> None:
    finish(server, create(server, upload(server, "a")))

    (batch,) = get(server, "/batches", include=include).json()["data"]

    assert ("analytics" in batch) == is_shown


def test_metadata_is_searched_as_the_text_that_the_database_writes(server: Server) -> None:
    metadata = {"longer": "ü", "b": 'a "word"', "a": "first"}
    order = {
        "input_file_id": upload(server, "a"),
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        "metadata": metadata,
    }
    shown: dict[str, Any] = requests.post(f"{server.base_url}/batches", json=order, timeout=60).json()

    found = [
        len(listed(server, "/batches", search=word))
        for word in ('"a": "first", "b": "a \\"word\\""', '"longer": "ü"', '"a":"first"')
    ]

    assert found == [1, 1, 0]
    assert metadata.items() <= shown["metadata"].items()


@pytest.mark.parametrize(("factor", "status"), [(0.5, 429), (1.0, 201)])
def test_a_window_takes_in_what_its_models_can_bear_times_a_factor(factor: float, status: int) -> None:
    limits = Limits(capacity_factor=factor)
    with Server(limits=limits, models={"m": Model(requests_per_s=1.5 / 86_400)}) as server:
        order = {
            "input_file_id": upload(server, "a"),
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
        }

        reply = requests.post(f"{server.base_url}/batches", json=order, timeout=60)

    assert reply.status_code == status
