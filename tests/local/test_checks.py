"""What the server looks at before it says yes, and in which order."""

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from dwbatch.local import Limits, Model, Server
from dwbatch.local.accepting import slabs as read_slabs
from dwbatch.local.replies import Refusal
from tests.local.asking import create, finished, get, line, upload, upload_bytes

ORDER = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
OFFERED = {
    "m": Model(kind="CHAT"),
    "gone": Model(kind="CHAT"),
    "slow": Model(kind="CHAT", windows=("24h",)),
    "live": Model(kind="CHAT", windows=()),
}


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def order(server: Server, **body: Any) -> requests.Response:
    return requests.post(f"{server.base_url}/batches", json={**ORDER, **body}, timeout=60)


def test_the_bounds_are_the_real_servers_defaults() -> None:
    limits = Limits()

    assert (limits.max_file_bytes, limits.max_requests_per_file) == (100 * 1024**2, 0)
    assert (limits.max_body_bytes, limits.max_json_bytes) == (10 * 1024**2, 2 * 1024**2)
    assert (limits.concurrent_uploads, limits.waiting_uploads, limits.upload_wait_s) == (0, 20, 60)
    assert (limits.completion_windows, limits.file_expiry_s) == (("24h", "1h"), 30 * 86400)


def test_a_line_is_refused_for_the_first_of_its_faults_in_the_servers_order() -> None:
    faulty: dict[str, Any] = {
        "custom_id": "\n" * 65,
        "method": "GET",
        "url": "/v1/rerank",
        "body": {"thinking": 1, "priority": 1, "pad": "x" * 300},
    }
    # Each mends the fault that was named, until none is left.
    mended = [
        {},
        {"custom_id": "\n"},
        {"custom_id": ""},
        {"method": "post"},
        {"url": "/v1/embeddings"},
        {"body": faulty["body"] | {"model": "unknown"}},
        {"body": faulty["body"] | {"model": "m"}},
        {"url": "/v1/chat/completions"},
        {"body": {"model": "m", "priority": "x" * 300, "pad": "x" * 300}},
        {"body": {"model": "m", "priority": "x" * 300}},
    ]
    said = []

    for change in mended:
        faulty |= change
        said.append(verdict(faulty))

    assert [sentence.removeprefix("Line 1: ")[:38] for sentence in said] == [
        "custom_id exceeds maximum length of 64",
        "custom_id contains invalid characters:",
        "Unsupported HTTP method 'GET'. Only PO",
        "Unsupported URL path '/v1/rerank'. All",
        "Missing 'model' field in request body",
        "Model 'unknown' has not been configure",
        "Model 'm' is a CHAT model but endpoint",
        "Unsupported parameter 'thinking'; use ",
        "Request body is 322 bytes, which excee",
        "accepted",
    ]


def verdict(request: dict[str, Any]) -> str:
    content = io.BytesIO(json.dumps(request).encode())
    try:
        list(read_slabs(content, limits=Limits(max_body_bytes=200), models=OFFERED))
    except Refusal as refusal:
        return refusal.text
    return "accepted"


@pytest.mark.parametrize("url", ["chat/completions", "completions", "embeddings", "responses", "messages"])
def test_a_model_of_another_kind_fits_no_endpoint_and_one_of_no_kind_fits_all(url: str) -> None:
    def accepts(kind: str) -> bool:
        content = io.BytesIO(json.dumps(line("a") | {"url": f"/v1/{url}"}).encode())
        try:
            return bool(list(read_slabs(content, limits=Limits(), models={"m": Model(kind=kind)})))
        except Refusal:
            return False

    assert (accepts("RERANKER"), accepts("")) == (False, True)


def test_of_a_key_given_twice_in_a_body_the_last_counts() -> None:
    content = b'{"custom_id":"a","method":"POST","url":"/v1/responses","body":{"model":"m","x":1,"x":{"b":1,"a":2}}}'

    (kept,) = read_slabs(io.BytesIO(content), limits=Limits(), models=None)

    assert kept.lines.endswith(b',"body":{"model":"m","x":{"a":2,"b":1}}}\n')


def test_a_line_may_be_an_array_in_field_order(server: Server) -> None:
    request = json.dumps(["a", "POST", "/v1/chat/completions", {"model": "m"}]).encode()

    file_id = upload_bytes(server, request)

    shown = get(server, f"/files/{file_id}/content").json()
    assert shown == {
        "custom_id": "a",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "m"},
    }


def test_a_key_is_asked_for_before_anything_is_read() -> None:
    with Server(keys=["right"]) as server:
        for path, kind in (
            ("/batches", "application/json"),
            ("/files", "text/plain"),
            ("/batches/x/retry-requests", ""),
        ):
            reply = requests.post(
                f"{server.base_url}{path}", data=b"{", headers={"Content-Type": kind}, timeout=60
            )

            assert (reply.status_code, reply.text) == (401, "Authentication required")
            assert "www-authenticate" not in reply.headers


def test_the_list_of_models_takes_the_scheme_in_any_case() -> None:
    with Server(keys=["right"]) as server:
        headers = {"Authorization": "bearer right"}

        statuses = [
            requests.get(f"{server.base_url}{path}", headers=headers, timeout=60).status_code
            for path in ("/models", "/files")
        ]

        assert statuses == [200, 401]


def test_a_batch_is_refused_for_the_first_of_its_faults_in_the_servers_order() -> None:
    faulty = {"input_file_id": "file-1", "endpoint": "/v1/rerank", "completion_window": "background"}
    with Server(balance=-1, models=OFFERED, limits=Limits(unverified_per_hour=1)) as server:
        files = [
            {
                "input_file_id": upload_bytes(
                    server, b"\n".join([json.dumps(line("a", model=name)).encode()] * times)
                )
            }
            for name, times in {"live": 1, "slow": 1, "gone": 1, "m": 2}.items()
        ]
        del server._account.models["gone"]  # type: ignore[union-attr]  # this server lists its models

        said = refusals(
            server,
            faulty,
            {},
            {"completion_window": "2h"},
            {"completion_window": "1h"},
            {"endpoint": "/v1/embeddings"},
            {"input_file_id": "0f8f3c3e-6f0e-4d5b-9a6e-3b1c2a7d9e10"},
        )
        server.balance = Decimal(0)
        said += refusals(server, faulty, {}, *files)

    assert said == [
        (403, "Insufficient permissions to Create background in"),
        (400, "Unsupported completion_window. Allowed values: 2"),
        (400, "Unsupported endpoint '/v1/rerank'. Supported: /v"),
        (400, "Invalid input_file_id format"),
        (402, "Account balance too low. Please add credits to c"),
        (404, "File with ID 0f8f3c3e-6f0e-4d5b-9a6e-3b1c2a7d9e1"),
        (400, "Model 'live' does not support batch processing."),
        (400, "Model 'slow' does not support completion window "),
        (400, "The following model(s) are no longer available: "),
        (429, '{"error":"too_many_requests","message":"Unverifi'),
    ]


def refusals(server: Server, faulty: dict[str, str], *changes: dict[str, str]) -> list[tuple[int, str]]:
    """How each further change of a POST's body is refused."""
    said = []
    for change in changes:
        faulty |= change
        reply = order(server, **faulty)
        said.append((reply.status_code, reply.text[:48]))
    return said


def test_somebody_elses_file_is_not_there_to_read_and_forbidden_to_batch() -> None:
    with Server(keys={"mine": "me@example.org", "theirs": "them@example.org"}) as server:
        mine, theirs = ({"Authorization": f"Bearer {key}"} for key in ("mine", "theirs"))
        content = {"file": ("a.jsonl", json.dumps(line("a")).encode())}
        uploaded = requests.post(f"{server.base_url}/files", files=content, headers=mine, timeout=60).json()
        body = {**ORDER, "input_file_id": uploaded["id"]}

        read = requests.get(f"{server.base_url}/files/{uploaded['id']}", headers=theirs, timeout=60)
        bought = requests.post(f"{server.base_url}/batches", json=body, headers=theirs, timeout=60)

        assert (read.status_code, read.text) == (404, f"File with ID {uploaded['id']} not found")
        assert (bought.status_code, bought.text) == (
            403,
            f"Insufficient permissions to Create batch using file {uploaded['id']}",
        )


def test_a_json_body_beyond_its_bound_is_not_read_on(server: Server) -> None:
    reply = order(server, metadata={"pad": "x" * 2 * 1024**2})

    assert (reply.status_code, reply.text) == (
        413,
        "Failed to buffer the request body: length limit exceeded",
    )


def test_metadata_holds_texts_alone(server: Server) -> None:
    reply = order(server, input_file_id="x", metadata={"a": 1})

    assert reply.status_code == 422
    assert "metadata.a: invalid type: integer `1`, expected a string" in reply.text


def test_fields_that_the_server_does_not_know_are_ignored(server: Server) -> None:
    reply = order(server, input_file_id=upload(server, "a"), output_expires_after={"seconds": 1})

    assert reply.status_code == 201


def test_metadata_of_sources_is_kept_and_hidden(server: Server) -> None:
    hidden = {"dw_source_name": "unseen", "dw_sync_id": "b", "dw_external_key": "c"}
    batch = create(server, upload(server, "a"), metadata={**hidden, "mine": "x", "Request-Source": "y"})

    assert batch["metadata"] == {
        "mine": "x",
        "request_source": "api",
        "created_by_email": "user@example.org",
    }
    assert len(get(server, "/batches", search="unseen").json()["data"]) == 1


def test_each_post_makes_another_batch(server: Server) -> None:
    file_id = upload(server, "a")

    made = {create(server, file_id, metadata={"token": "same"})["id"] for _ in range(3)}

    assert len(made) == 3


def test_a_volume_counts_cancelled_batches_and_no_deleted_ones() -> None:
    with Server(limits=Limits(unverified_per_hour=2)) as server:
        file_id = upload(server, "a")
        first, second = (create(server, file_id, completion_window="1h") for _ in range(2))
        requests.post(f"{server.base_url}/batches/{first['id']}/cancel", timeout=60)

        before = order(server, input_file_id=file_id, completion_window="1h")
        requests.delete(f"{server.base_url}/batches/{second['id']}", timeout=60)
        after = order(server, input_file_id=file_id, completion_window="1h")

        assert (before.status_code, after.status_code) == (429, 201)
        assert before.json()["message"].startswith(
            "Unverified accounts can submit at most 2 request(s) per 1h completion window. You have 2 in the last 1h"
        )


def test_a_finished_file_is_no_input() -> None:
    with Server() as server:
        batch = finished(server, "a")

        reply = order(server, input_file_id=batch["error_file_id"])

        assert (reply.status_code, reply.json()["status"]) == (201, "validating")
        assert get(server, f"/batches/{reply.json()['id']}").json()["status"] == "failed"
