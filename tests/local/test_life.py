"""What becomes of a batch: cancelled, tried again, deleted, late; beyond what was recorded."""

import socket
import threading
from collections import Counter
from typing import Any

import pytest
import requests

from dwbatch.local import Outcome, Server
from dwbatch.local.model_calls import ECHO
from tests.local.asking import create, finish, read, upload


def post(server: Server, path: str, **body: Any) -> requests.Response:
    return requests.post(f"{server.base_url}{path}", json=body or None, timeout=60)


def show(server: Server, batch: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = requests.get(f"{server.base_url}/batches/{batch['id']}", timeout=60).json()
    return shown


def test_a_batch_cancelled_before_population_is_cancelling_for_ever() -> None:
    with Server(populate_delay_s=3600) as server:
        batch = create(server, upload(server, "a"))

        cancelled = post(server, f"/batches/{batch['id']}/cancel").json()
        content = requests.get(f"{server.base_url}/files/{batch['output_file_id']}/content", timeout=60)

        assert cancelled["status"] == show(server, batch)["status"] == "cancelling"
        assert (content.text, content.headers["x-incomplete"]) == ("", "true")


def test_a_batch_cancelled_before_population_and_retried_validates_for_ever() -> None:
    with Server(populate_delay_s=3600) as server:
        batch = create(server, upload(server, "a"))
        post(server, f"/batches/{batch['id']}/cancel")

        retried = post(server, f"/batches/{batch['id']}/retry")

        assert (retried.status_code, retried.json()["status"]) == (200, "validating")


def test_population_that_was_due_happens_after_a_restart(tmp_path: Any) -> None:
    with Server(tmp_path, populate_delay_s=3600) as server:
        batch = create(server, upload(server, "a"))
        with server._running().store.writing() as db:
            db.execute("UPDATE batch SET populate_at = 1")

    with Server(tmp_path) as server:
        assert finish(server, batch)["status"] == "completed"


def test_retry_answers_failed_rows_again_and_completed_ones_never() -> None:
    failing = {"b": Outcome.status(500), "c": Outcome.timeout()}
    with Server(outcomes=failing) as server:
        batch = finish(server, create(server, upload(server, "a", "b", "c")))
        failing.clear()

        post(server, f"/batches/{batch['id']}/retry")
        again = finish(server, batch)

        assert again["request_counts"] == {"total": 3, "completed": 3, "failed": 0}
        assert Counter(bill.custom_id for bill in server.ledger()) == {"a": 1, "b": 2, "c": 2}
        assert read(server, batch["error_file_id"]) == []


def test_retry_requests_answers_only_the_rows_named() -> None:
    failing = {"a": Outcome.status(500), "b": Outcome.status(500)}
    with Server(outcomes=failing) as server:
        batch = finish(server, create(server, upload(server, "a", "b", "c")))
        failing.clear()
        (first, _) = read(server, batch["error_file_id"])

        post(
            server,
            f"/batches/{batch['id']}/retry-requests",
            request_ids=[first["id"].removeprefix("batch_req_")],
        )
        again = finish(server, batch)

        assert again["request_counts"] == {"total": 3, "completed": 2, "failed": 1}


def test_rows_in_flight_at_a_cancel_are_not_stored() -> None:
    gate, arrived = threading.Event(), threading.Event()

    def answer(_: dict[str, Any]) -> str:
        arrived.set()
        gate.wait()
        return "late"

    with Server(answer=answer) as server:
        batch = create(server, upload(server, "a"))
        arrived.wait()

        cancelled = post(server, f"/batches/{batch['id']}/cancel").json()
        gate.set()

        assert cancelled["status"] == "cancelled"
    assert cancelled["request_counts"] == {"total": 1, "completed": 0, "failed": 0}


def test_a_retry_while_rows_are_in_flight_does_not_buy_them_again() -> None:
    gate = threading.Event()

    def answer(body: dict[str, Any]) -> str | Outcome:
        if body["messages"][0]["content"] == "say quick":
            return Outcome.status(400)
        gate.wait()
        return "slow"

    with Server(answer=answer) as server:
        batch = create(server, upload(server, "quick", "slow"))
        server.wait_until(lambda: len(server.ledger()) == 1)

        post(server, f"/batches/{batch['id']}/retry")
        gate.set()
        finish(server, batch)

        assert Counter(bill.custom_id for bill in server.ledger()) == {"quick": 2, "slow": 1}


def test_a_row_that_never_gets_a_line_is_counted_and_promised() -> None:
    with Server(outcomes={"a": Outcome.never()}) as server:
        batch = finish(server, create(server, upload(server, "a", "b")))

        reply = requests.get(f"{server.base_url}/files/{batch['error_file_id']}/content", timeout=60)

        assert batch["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
        assert (reply.text, reply.headers["x-last-line"]) == ("", "1")


def test_a_body_that_is_not_json_comes_back_as_a_string() -> None:
    with Server(outcomes={"a": Outcome.not_json("<html>")}) as server:
        batch = finish(server, create(server, upload(server, "a")))

        (line,) = read(server, batch["output_file_id"])

        assert line["response"]["body"] == "<html>"


def test_search_sees_metadata_names_and_ids_but_not_the_input_files_id() -> None:
    with Server() as server:
        file_id = upload(server, "a")
        batch = create(server, file_id, metadata={"token": "Kx9"})

        found = {
            word: len(
                requests.get(f"{server.base_url}/batches", params={"search": word}, timeout=60).json()["data"]
            )
            for word in ("kX9", "job.json", batch["id"], file_id, "zzz", "python-requests")
        }

        assert found == {"kX9": 1, "job.json": 1, batch["id"]: 1, file_id: 0, "zzz": 0, "python-requests": 1}


def test_money_that_runs_out_fails_the_rest_without_a_bill() -> None:
    with Server(balance="0.0000001") as server:
        batch = finish(server, create(server, upload(server, "a", "b", "c")))

        assert batch["request_counts"] == {"total": 3, "completed": 1, "failed": 2}
        assert len(server.ledger()) == 1
        assert all(
            "Account balance too low" in line["error"]["message"]
            for line in read(server, batch["error_file_id"])
        )


def test_a_server_without_a_list_of_models_lists_those_it_was_asked_for() -> None:
    with Server() as server:
        upload(server, "a")

        listed = requests.get(f"{server.base_url}/models", timeout=60).json()["data"]

        assert [model["id"] for model in listed] == sorted([ECHO, "m"])


def test_someone_elses_batch_does_not_exist() -> None:
    with Server(keys={"mine": "me@example.org", "theirs": "them@example.org"}) as server:
        headers = {"Authorization": "Bearer theirs"}

        for path in ("/files", "/batches"):
            assert requests.get(f"{server.base_url}{path}", headers=headers, timeout=60).json()["data"] == []


def test_an_upload_cut_short_leaves_no_file_and_no_trace_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with Server() as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(
                b"POST /v1/files HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                b'Content-Length: 1000\r\n\r\n--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n{}'
            )

        listed = requests.get(f"{server.base_url}/files", timeout=60).json()["data"]

    assert listed == []
    assert caplog.messages == []


def test_an_answer_that_never_comes_does_not_keep_the_server_from_stopping() -> None:
    gate, arrived = threading.Event(), threading.Event()

    def answer(_: dict[str, Any]) -> str:
        arrived.set()
        gate.wait()
        return "too late"

    server = Server(answer=answer)
    with server:
        create(server, upload(server, "a"))
        arrived.wait()

    assert not gate.is_set()
    gate.set()


@pytest.mark.parametrize("said", [{"what": object()}, "half a \ud800 pair"])
def test_an_answer_that_cannot_be_written_down_fails_its_row(said: Any) -> None:
    with Server(answer=lambda _: said) as server:
        batch = finish(server, create(server, upload(server, "a")))

        assert batch["request_counts"] == {"total": 1, "completed": 0, "failed": 1}


def test_a_script_that_raises_fails_its_row() -> None:
    def script(custom_id: str, _: dict[str, Any]) -> Outcome | None:
        raise KeyError(custom_id)

    with Server(outcomes=script) as server:
        batch = finish(server, create(server, upload(server, "a")))

        assert batch["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
