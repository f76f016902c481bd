"""The page for people: one document, and true figures."""

import json
import re
from typing import Any

import pytest
import requests

from dwbatch.local import Outcome, Server
from tests.local.asking import create, finish, finished, line, upload, upload_bytes


def address(server: Server, path: str) -> str:
    return server.base_url.removesuffix("/v1") + path


def seen(server: Server, path: str) -> dict[str, Any]:
    shown: dict[str, Any] = requests.get(address(server, path), timeout=60).json()
    return shown


def test_the_page_needs_no_other_address() -> None:
    with Server() as server:
        page = requests.get(address(server, "/"), timeout=60)

    assert page.headers["content-type"] == "text/html"
    # The name of a language is no address that is asked.
    assert re.findall(r"https?://[^'\"\s`]+", page.text) == ["http://www.w3.org/2000/svg"]
    assert re.search(r"\bsrc=|@import|url\(", page.text) is None
    assert "/*style*/" not in page.text
    assert "/*script*/" not in page.text


def test_the_page_puts_nothing_in_as_html() -> None:
    with Server() as server:
        page = requests.get(address(server, "/"), timeout=60).text

    assert re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", page) is None


def test_the_overview_counts_rows_and_bills() -> None:
    with Server(outcomes={"b": Outcome.status(400)}) as server:
        finished(server, "a", "b", "c")
        first = seen(server, "/-/overview")
        finished(server, "d")
        second = seen(server, "/-/overview")
        bills = server.ledger()

    assert [(one["totals"]["completed"], one["totals"]["failed"]) for one in (first, second)] == [
        (2, 1),
        (3, 1),
    ]
    assert [one["totals"]["bills"] for one in (first, second)] == [3, 4]
    assert second["totals"]["prompt_tokens"] == sum(bill.prompt_tokens for bill in bills)
    assert [batch["status"] for batch in second["batches"]] == ["completed", "completed"]
    assert [file["name"] for file in second["files"]] == ["job.jsonl", "job.jsonl"]


def test_rows_of_a_batch_that_will_not_run_do_not_wait() -> None:
    with Server(populate_delay_s=3600) as server:
        batch = create(server, upload(server, "a", "b"))
        before = seen(server, "/-/overview")["totals"]["waiting"]
        requests.post(f"{server.base_url}/batches/{batch['id']}/cancel", timeout=60)

        assert (before, seen(server, "/-/overview")["totals"]["waiting"]) == (2, 0)


def test_a_batch_from_near_shows_words_and_not_their_wrapping() -> None:
    outcomes = {"b": Outcome.status(400, {"error": {"message": "too long"}}), "c": Outcome.timeout("no byte")}
    with Server(outcomes=outcomes) as server:
        batch = finished(server, "a", "b", "c")

        near = seen(server, f"/-/batches/{batch['id']}")

    assert near["answers"] == [{"custom_id": "a", "sentence": "echo: say a"}]
    assert near["failed"] == [
        {"custom_id": "c", "sentence": "no byte"},
        {"custom_id": "b", "sentence": "too long"},
    ]
    assert [bill["custom_id"] for bill in near["bills"]] == ["c", "b", "a"]


def test_a_batch_that_found_bad_lines_shows_them() -> None:
    with Server(dialect="openai") as server:
        content = json.dumps(line("a")).encode() + b"\n{\n"
        file_id = upload_bytes(server, content, status=200)
        order = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        batch = requests.post(f"{server.base_url}/batches", json=order, timeout=60).json()
        finish(server, batch)

        near = seen(server, f"/-/batches/{batch['id']}")

    assert near["failed"] == [
        {"custom_id": "line 2", "sentence": "This line is not parseable as valid JSON."}
    ]


def test_looking_is_no_exchange() -> None:
    with Server() as server:
        seen(server, "/-/overview")

        assert server.exchanges() == []


@pytest.mark.parametrize("path", ["/-/overview", "/-/batches/x", "/-/faults"])
@pytest.mark.parametrize(("name", "status"), [("evil.example", 403), ("localhost", None), ("[::1]:80", None)])
def test_a_site_that_found_another_name_for_this_address_is_refused(
    path: str, name: str, status: int | None
) -> None:
    with Server() as server:
        reply = requests.get(address(server, path), headers={"Host": name}, timeout=60)

    assert (reply.status_code == 403) == (status == 403)


def test_other_machines_cannot_look() -> None:
    with Server(host="0.0.0.0", is_open=True, keys=["k"]) as server:  # noqa: S104 - that is what is tested
        local = f"http://127.0.0.1:{server.port}"

        looked = requests.get(f"{local}/-/overview", timeout=60)
        page = requests.get(f"{local}/", timeout=60)

    assert looked.headers["content-type"] == "text/html"
    assert page.status_code == 200


def test_nobody_listens_to_other_machines_unasked() -> None:
    with pytest.raises(ValueError, match="is_open=True"):
        Server(host="0.0.0.0")  # noqa: S104 - likewise
