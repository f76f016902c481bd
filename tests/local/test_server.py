from pathlib import Path
from typing import Any, Literal

import pytest
import requests

from dwbatch.local import Limits, Outcome, Server, join
from tests.local.asking import create, finish, read, upload


def test_every_request_is_answered_and_billed_once() -> None:
    with Server() as server:
        batch = finish(server, create(server, upload(server, "a", "b", "c")))

        assert batch["request_counts"] == {"total": 3, "completed": 3, "failed": 0}
        assert sorted(line["custom_id"] for line in read(server, batch["output_file_id"])) == ["a", "b", "c"]
        assert sorted(bill.custom_id for bill in server.ledger()) == ["a", "b", "c"]


def test_a_new_batch_says_validating_and_shows_both_file_ids() -> None:
    with Server() as server:
        batch = create(server, upload(server, "a"))

        assert batch["status"] == "validating"
        assert batch["output_file_id"] != batch["error_file_id"]


def test_a_scripted_failure_is_a_line_in_the_error_file() -> None:
    with Server(outcomes={"b": Outcome.status(400, {"error": "no"})}) as server:
        batch = finish(server, create(server, upload(server, "a", "b")))

        assert [line["custom_id"] for line in read(server, batch["error_file_id"])] == ["b"]


def test_a_callable_gets_the_body_and_its_text_becomes_the_answer() -> None:
    def answer(body: dict[str, Any]) -> str:
        return str(body["messages"][0]["content"]).upper()

    with Server(answer=answer) as server:
        batch = finish(server, create(server, upload(server, "a")))

        (line,) = read(server, batch["output_file_id"])
        assert line["response"]["body"]["choices"][0]["message"]["content"] == "SAY A"


def test_a_callable_that_raises_fails_its_row_alone() -> None:
    def answer(body: dict[str, Any]) -> str:
        return {"a": "fine"}[body["messages"][0]["content"][-1]]

    with Server(answer=answer) as server:
        batch = finish(server, create(server, upload(server, "a", "b")))

        assert batch["request_counts"] == {"total": 2, "completed": 1, "failed": 1}


def test_a_store_in_a_folder_outlives_its_server(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        batch = finish(server, create(server, upload(server, "a")))

    with Server(tmp_path) as server:
        assert requests.get(f"{server.base_url}/batches/{batch['id']}", timeout=60).json() == batch
        assert len(server.ledger()) == 1


def test_a_file_with_a_bad_line_leaves_nothing_behind() -> None:
    with Server(limits=Limits(max_requests_per_file=1)) as server:
        refused = upload(server, "a", "b", status=400)

        assert refused == "File contains 2 requests, which exceeds the maximum of 1"
        assert requests.get(f"{server.base_url}/files", timeout=60).json()["data"] == []


def test_exchanges_tell_what_was_asked() -> None:
    with Server() as server:
        upload(server, "a")

        assert server.exchanges() == [("POST", "/v1/files", 201)]


@pytest.mark.parametrize("key", [None, "wrong"])
def test_a_server_with_keys_lets_nobody_else_in(key: str | None) -> None:
    with Server(keys=["right"]) as server:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}

        reply = requests.get(f"{server.base_url}/files", headers=headers, timeout=60)

        assert (reply.status_code, reply.text) == (401, "Authentication required")


def test_joining_twice_finds_the_same_process(tmp_path: Path) -> None:
    first = join(tmp_path, idle_s=60)

    assert join(tmp_path, idle_s=60) == first


def test_a_port_file_that_lies_is_not_believed(tmp_path: Path) -> None:
    with Server() as stranger:
        (tmp_path / "port.json").write_text(f'{{"pid": 1, "port": {stranger.port}, "nonce": "not this one"}}')

        assert join(tmp_path, idle_s=60) != stranger.base_url


@pytest.mark.both_dialects
def test_a_promise_of_both_dialects_is_asked_of_a_server_of_each(
    server: Server, dialect: Literal["doubleword", "openai"]
) -> None:
    line = b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}}'

    reply = requests.post(
        f"{server.base_url}/files", files={"file": ("a.jsonl", line)}, data={"purpose": "batch"}, timeout=60
    )

    assert reply.status_code == {"doubleword": 201, "openai": 200}[dialect]
