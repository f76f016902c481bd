"""Faults of batches, rows and result lines happen as they are said, and are told of."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from dwbatch.local import Fired, Server
from tests.local.asking import create, finished, get, read, upload


def custom_ids(server: Server, batch: dict[str, Any], **query: Any) -> list[str]:
    return [line["custom_id"] for line in read(server, batch["output_file_id"], **query)]


def test_a_header_may_lie_for_ever() -> None:
    with Server() as server:
        batch = finished(server, "a")
        server.faults.header("GET", "/files/{id}/content", "X-Incomplete", "true")

        said = [
            get(server, f"/files/{batch['output_file_id']}/content").headers["x-incomplete"] for _ in range(3)
        ]

        assert said == ["true"] * 3


def test_a_dropped_line_is_still_promised() -> None:
    with Server() as server:
        batch = finished(server, "a", "b", "c")
        server.faults.drop_line("b")

        reply = get(server, f"/files/{batch['output_file_id']}/content")

        assert (reply.text.count("\n"), reply.headers["x-last-line"]) == (2, "3")
        assert sorted(custom_ids(server, batch)) == ["a", "b", "c"]


def test_a_late_line_is_not_promised_and_comes_before_what_was_read() -> None:
    with Server() as server:
        batch = finished(server, "a", "b", "c")
        server.faults.late_line("a")

        reply = get(server, f"/files/{batch['output_file_id']}/content")

        assert (reply.text.count("\n"), reply.headers["x-last-line"]) == (2, "2")
        assert custom_ids(server, batch, skip=2) == ["c"]


@pytest.mark.parametrize(
    ("spoil", "read_back"),
    [
        (lambda faults: faults.repeat_line("a"), ["a", "b", "c", "a"]),
        (lambda faults: faults.reorder_lines(), ["c", "b", "a"]),
        (lambda faults: faults.drop_line(), ["a", "b"]),
        (lambda faults: faults.drop_line(0), ["b", "c"]),
    ],
)
def test_lines_come_as_they_should_not(spoil: Callable[[Any], None], read_back: list[str]) -> None:
    with Server() as server:
        batch = finished(server, "a", "b", "c")
        spoil(server.faults)

        assert custom_ids(server, batch) == read_back
        assert custom_ids(server, batch) == ["a", "b", "c"]


def test_a_malformed_line_is_half_a_line_or_the_text_given() -> None:
    with Server() as server:
        batch = finished(server, "a", "b")
        server.faults.malform_line("a", text=b"not JSON", times=None)
        server.faults.malform_line("b")

        lines = get(server, f"/files/{batch['output_file_id']}/content").content.split(b"\n")

        assert lines[0] == b"not JSON"
        assert re.fullmatch(rb'\{"id":"batch_req_[^}]*"b"[^\n]*[^}]', lines[1])


def test_a_line_that_a_file_does_not_have_is_no_occasion() -> None:
    with Server() as server:
        batch = finished(server, "a")
        server.faults.drop_line("a")

        read(server, batch["error_file_id"])

        assert server.faults.fired == []


def test_rows_fail_unbilled_from_the_third_on() -> None:
    with Server() as server:
        server.faults.fail_rows(after=2)

        batch = finished(server, "a", "b", "c", "d")

        assert batch["request_counts"] == {"total": 4, "completed": 2, "failed": 2}
        assert "Account balance too low" in read(server, batch["error_file_id"])[0]["error"]["message"]
        assert [bill.custom_id for bill in server.ledger()] == ["a", "b"]
        assert server.faults.fired == [Fired("fail_rows", "row c"), Fired("fail_rows", "row d")]


def test_a_batch_never_populated_is_validating_and_then_cancelling_for_ever() -> None:
    with Server() as server:
        server.faults.batch("unpopulated")
        batch = create(server, upload(server, "a"))

        shown = get(server, f"/batches/{batch['id']}").json()
        requests.post(f"{server.base_url}/batches/{batch['id']}/cancel", timeout=60)

        assert shown["status"] == "validating"
        assert get(server, f"/batches/{batch['id']}").json()["status"] == "cancelling"
        assert server.faults.fired == [Fired("unpopulated", f"batch {batch['id']}")]


def test_a_broken_batch_has_failed_with_all_its_rows_owed() -> None:
    with Server() as server:
        server.faults.batch("broken")

        batch = finished(server, "a", "b")

        assert (batch["status"], batch["request_counts"]) == (
            "failed",
            {"total": 2, "completed": 0, "failed": 0},
        )
        content = get(server, f"/files/{batch['output_file_id']}/content")
        assert (content.text, content.headers["x-incomplete"]) == ("", "true")


def test_a_stalled_batch_may_be_overdue_and_runs_on() -> None:
    with Server() as server:
        server.faults.batch("stalled")
        server.faults.batch("overdue")
        batch = create(server, upload(server, "a"))

        shown = get(server, f"/batches/{batch['id']}").json()

        assert (shown["status"], shown["expired_at"]) == ("in_progress", shown["expires_at"])


def test_the_next_batch_has_the_usual_fate() -> None:
    with Server() as server:
        server.faults.batch("stalled")
        create(server, upload(server, "a"))

        assert finished(server, "b")["status"] == "completed"
