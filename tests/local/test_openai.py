"""The server in OpenAI's dialect: what a client sees that was written for it."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from dwbatch.local import Limits, Model, Outcome, Server
from tests.local.asking import get, line, read, upload, upload_bytes

ORDER = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
ENDED = {"completed", "failed", "cancelled", "expired"}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(dialect="openai") as running:
        yield running


def post(server: Server, path: str, body: Any = None) -> requests.Response:
    return requests.post(f"{server.base_url}{path}", json=body, timeout=60)


def create(server: Server, file_id: str, **order: Any) -> dict[str, Any]:
    reply = post(server, "/batches", {"input_file_id": file_id, **ORDER, **order})
    assert reply.status_code == 200, reply.text
    created: dict[str, Any] = reply.json()
    return created


def finish(server: Server, batch: dict[str, Any]) -> dict[str, Any]:
    while True:
        shown: dict[str, Any] = get(server, f"/batches/{batch['id']}").json()
        if shown["status"] in ENDED:
            return shown


def run(server: Server, *lines: dict[str, Any] | bytes, **order: Any) -> dict[str, Any]:
    content = b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in lines)
    return finish(server, create(server, upload_bytes(server, content, status=200), **order))


def test_a_file_shows_its_status_and_its_nulls(server: Server) -> None:
    file_id = upload_bytes(server, b"not even JSON\n", status=200)

    shown = get(server, f"/files/{file_id}").json()

    assert file_id.startswith("file-")
    assert (shown["status"], shown["expires_at"]) == ("processed", None)
    assert get(server, f"/files/{file_id}/content").content == b"not even JSON\n"


def test_a_new_batch_has_every_field_and_no_result_files(server: Server) -> None:
    server.faults.batch("unpopulated")
    batch = create(server, upload(server, "a", status=200))

    assert batch["id"].startswith("batch_")
    assert (batch["status"], batch["metadata"]) == ("validating", None)
    assert {name for name, value in batch.items() if value is None} >= {
        "output_file_id",
        "error_file_id",
        "errors",
        "completed_at",
        "expired_at",
        "cancelled_at",
    }
    assert batch["request_counts"] == {"total": 0, "completed": 0, "failed": 0}


def test_a_finished_batch_has_files_only_for_lines_that_there_are(server: Server) -> None:
    batch = run(server, line("a"), line("b"), metadata={"k": "v"})

    lines = read(server, batch["output_file_id"])

    assert (batch["status"], batch["error_file_id"], batch["metadata"]) == ("completed", None, {"k": "v"})
    assert [one["custom_id"] for one in lines] == ["a", "b"]
    assert all(one["error"] is None and one["response"]["request_id"] for one in lines)
    assert batch["usage"]["total_tokens"] == sum(
        bill.prompt_tokens + bill.completion_tokens for bill in server.ledger()
    )


def test_a_row_that_the_model_refuses_is_a_response_in_the_error_file() -> None:
    failing = {
        "bad": Outcome.status(400, {"error": {"message": "too long"}}),
        "lost": Outcome.network_error(),
    }
    with Server(dialect="openai", outcomes=failing) as server:
        batch = run(server, line("bad"), line("lost"))

        bad, lost = read(server, batch["error_file_id"])

    assert (batch["status"], batch["output_file_id"]) == ("completed", None)
    assert (bad["error"], bad["response"]["status_code"]) == (None, 400)
    assert bad["response"]["body"] == {"error": {"message": "too long"}}
    assert lost["response"]["status_code"] == 500


@pytest.mark.parametrize(
    ("lines", "faults"),
    [
        ([b"{\n", line("a"), b"]\n"], [("invalid_json_line", 1), ("invalid_json_line", 3)]),
        ([line("a"), line("a")], [("duplicate_custom_id", 2)]),
        ([line("a") | {"url": "/v1/embeddings"}], [("invalid_url", 1)]),
        ([line("a") | {"method": "GET"}], [("invalid_method", 1)]),
        ([{"custom_id": "a"}], [("missing_required_parameter", 1)]),
        ([line("a") | {"body": {}}], [("missing_required_parameter", 1)]),
        ([line("a") | {"body": 7}], [("invalid_request", 1)]),
        ([line("a", stream=True)], [("invalid_request", 1)]),
        ([line("a", model="m"), line("b", model="n")], [("mismatched_model", 2)]),
        ([b"\n"], [("empty_file", None)]),
        ([json.dumps(line("a", x="?")).encode().replace(b"?", b"\xff") + b"\n"], [("invalid_json_line", 1)]),
        (
            [json.dumps(line("a", x=0)).encode().replace(b"0", b"1" * 5000) + b"\n"],
            [("invalid_json_line", 1)],
        ),
    ],
)
def test_a_batch_fails_by_itself_and_names_each_bad_line(
    server: Server, lines: list[Any], faults: list[tuple[str, int | None]]
) -> None:
    batch = run(server, *lines)

    assert batch["status"] == "failed"
    assert batch["errors"]["object"] == "list"
    assert [(fault["code"], fault["line"]) for fault in batch["errors"]["data"]] == faults
    assert batch["request_counts"]["total"] == 0
    assert server.ledger() == []


def test_a_batch_that_failed_leaves_none_of_its_lines_behind(server: Server) -> None:
    run(server, line("good"), b"{\n")

    with server._running().store.reading() as db:
        assert db.execute("SELECT count(*) FROM slab").fetchone()[0] == 0


def test_too_many_lines_and_unknown_models_fail_the_batch() -> None:
    with Server(
        dialect="openai", limits=Limits(max_requests_per_file=1), models={"m": Model(kind="CHAT")}
    ) as server:
        many = run(server, line("a"), line("b"))
        strange = run(server, line("a", model="other"))

    assert many["errors"]["data"][0]["code"] == "too_many_requests"
    assert strange["errors"]["data"][0]["code"] == "model_not_found"


def test_a_line_keeps_the_order_of_its_keys() -> None:
    seen: list[list[str]] = []

    def answer(body: dict[str, Any]) -> str:
        seen.append(list(body))
        return "fine"

    with Server(dialect="openai", answer=answer) as server:
        run(server, line("a", zebra=1, ape=2))

    assert seen == [["model", "messages", "zebra", "ape"]]


def test_a_cancelled_batch_accounts_for_every_row() -> None:
    gate = threading.Event()

    def answer(body: dict[str, Any]) -> str:
        if body["messages"][0]["content"] == "say slow":
            gate.wait()
        return "quick"

    with Server(dialect="openai", answer=answer) as server:
        batch = create(server, upload(server, "quick", "slow", status=200))
        server.wait_until(lambda: len(server.ledger()) == 1)

        cancelling = post(server, f"/batches/{batch['id']}/cancel").json()
        cancelled = finish(server, batch)
        gate.set()

        assert (cancelling["status"], cancelled["status"]) == ("cancelling", "cancelled")
        assert [one["custom_id"] for one in read(server, cancelled["output_file_id"])] == ["quick"]
        (left,) = read(server, cancelled["error_file_id"])
        assert (left["custom_id"], left["response"]) == ("slow", None)
        assert left["error"]["code"] == "batch_cancelled"


def test_a_late_batch_expires_and_names_what_was_not_done(server: Server) -> None:
    server.faults.batch("stalled")
    server.faults.batch("overdue")

    batch = run(server, line("a"))

    assert batch["status"] == "expired"
    (left,) = read(server, batch["error_file_id"])
    assert left["error"] == {
        "code": "batch_expired",
        "message": "This request could not be executed before the completion window expired.",
    }


def test_what_is_over_cannot_be_cancelled(server: Server) -> None:
    batch = run(server, line("a"))

    reply = post(server, f"/batches/{batch['id']}/cancel")

    assert reply.status_code == 409
    assert reply.json()["error"]["message"] == "Cannot cancel a batch with status 'completed'."


@pytest.mark.parametrize(
    ("order", "param"),
    [
        ({"endpoint": "/v1/chat"}, "endpoint"),
        ({"endpoint": None}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"metadata": {"k" * 65: "v"}}, "metadata"),
        ({"metadata": {"k": 1}}, "metadata.k"),
        ({"metadata": "k"}, "metadata"),
    ],
)
def test_an_order_that_is_wrong_is_refused_in_an_envelope(
    server: Server, order: dict[str, Any], param: str
) -> None:
    body = {"input_file_id": "file-x", **ORDER, **order}

    reply = post(server, "/batches", body)

    assert reply.status_code == 400
    assert (reply.json()["error"]["type"], reply.json()["error"]["param"]) == ("invalid_request_error", param)


@pytest.mark.parametrize("path", ["/files/file-x", "/files/file-x/content", "/batches/batch_x"])
def test_what_is_not_there_is_404_in_an_envelope(server: Server, path: str) -> None:
    reply = get(server, path)

    assert (reply.status_code, reply.json()["error"]["type"]) == (404, "invalid_request_error")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/batches/batch_x/retry"),
        ("GET", "/files/file-x/cost-estimate"),
        ("DELETE", "/batches/batch_x"),
    ],
)
def test_the_other_dialects_calls_are_no_paths_here(server: Server, method: str, path: str) -> None:
    reply = requests.request(method, f"{server.base_url}{path}", timeout=60)

    assert reply.status_code in {404, 405}


def test_a_list_is_paged_and_cannot_be_searched(server: Server) -> None:
    made = [run(server, line("a"))["id"] for _ in range(3)]

    first = get(server, "/batches", limit=2, search="nobody").json()
    second = get(server, "/batches", limit=2, after=first["last_id"]).json()

    assert [one["id"] for one in first["data"] + second["data"]] == made[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_a_strangers_key_is_refused_in_an_envelope() -> None:
    with Server(dialect="openai", keys=["right"]) as server:
        reply = requests.get(
            f"{server.base_url}/files", headers={"Authorization": "Bearer sk-wrong"}, timeout=60
        )

    assert reply.status_code == 401
    assert reply.json()["error"]["code"] == "invalid_api_key"
    assert "sk-wrong" not in reply.text


def test_a_batch_validated_by_a_later_process_runs(tmp_path: Path) -> None:
    with Server(tmp_path, dialect="openai", populate_delay_s=3600) as server:
        batch = create(server, upload(server, "a", status=200))
        with server._running().store.writing() as db:
            db.execute("UPDATE batch SET populate_at = 1")

    with Server(tmp_path, dialect="openai") as server:
        assert finish(server, batch)["request_counts"] == {"total": 1, "completed": 1, "failed": 0}


def test_a_deleted_file_is_gone_from_the_disk_too(tmp_path: Path) -> None:
    with Server(tmp_path, dialect="openai") as server:
        file_id = upload(server, "a", status=200)

        requests.delete(f"{server.base_url}/files/{file_id}", timeout=60)

        assert list((tmp_path / "uploads").iterdir()) == []
        assert get(server, "/files").json()["data"] == []
