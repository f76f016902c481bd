"""Lists of files and batches: their pages, their cursors and their filters."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from dwbatch.local import Outcome, Server
from tests.local.asking import create, finish, finished, get, listed, read, upload


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def move(server: Server, batch: dict[str, Any], **times: int) -> None:
    """Move a batch's times, as nobody but the clock can."""
    with server._running().store.writing() as db:
        for name, value in times.items():
            db.execute(f"UPDATE batch SET {name} = ? WHERE id = ?", (value, batch["id"]))  # noqa: S608 - names of this module


@pytest.mark.parametrize(
    ("limit", "length"), [(None, 20), (0, 1), (-5, 1), (1, 1), (101, 101), (102, 101), (10**18, 101)]
)
def test_a_page_has_20_files_unless_said_otherwise_and_never_more_than_101(
    server: Server, limit: int | None, length: int
) -> None:
    with server._running().store.writing() as db:
        db.executemany(
            "INSERT INTO file (id, filename, purpose, bytes, created_at, owner) VALUES (?, 'a', 'batch', 0, 0, ?)",
            [(str(uuid.uuid4()), "user@example.org") for _ in range(102)],
        )

    page = get(server, "/files", limit=limit).json()

    assert (len(page["data"]), page["has_more"]) == (length, True)


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ("1_0", "invalid digit found in string"),
        ("\u0663", "invalid digit found in string"),
        (" 1", "invalid digit found in string"),
        ("", "cannot parse integer from empty string"),
        ("9" * 5000, "number too large to fit in target type"),
        (str(2**63), "number too large to fit in target type"),
        (str(-(2**63) - 1), "number too small to fit in target type"),
    ],
)
@pytest.mark.parametrize("path", ["/files", "/batches"])
def test_a_limit_is_64_bits_of_plain_digits(server: Server, path: str, limit: str, sentence: str) -> None:
    reply = get(server, path, limit=limit)

    assert (reply.status_code, reply.text) == (400, f"Failed to deserialize query string: {sentence}")


def test_result_files_stand_in_the_list_by_name_and_by_purpose(server: Server) -> None:
    batch = finished(server, "a")
    name = f"batch-{batch['id']}"

    shown = {one["purpose"]: one["filename"] for one in get(server, "/files").json()["data"]}
    found = {purpose: listed(server, "/files", purpose=purpose) for purpose in [*shown, "BATCH", "x"]}

    assert shown == {
        "batch": "job.jsonl",
        "batch_output": f"{name}-output.jsonl",
        "batch_error": f"{name}-error.jsonl",
    }
    assert found == {
        "batch": [batch["input_file_id"]],
        "batch_output": [batch["output_file_id"]],
        "batch_error": [batch["error_file_id"]],
        "BATCH": [],
        "x": [],
    }


def test_files_are_searched_by_name_in_any_case_and_wildcards_live(server: Server) -> None:
    upload(server, "a")

    found = {word: len(listed(server, "/files", search=word)) for word in ("JOB.J", "j%l", "jo_.", "j_l")}

    assert found == {"JOB.J": 1, "j%l": 1, "jo_.": 1, "j_l": 0}


def test_a_deleted_result_file_leaves_its_batch_and_cannot_be_read(server: Server) -> None:
    batch = finished(server, "a")

    requests.delete(f"{server.base_url}/files/{batch['output_file_id']}", timeout=60)

    shown = get(server, f"/batches/{batch['id']}").json()
    assert ("output_file_id" in shown, shown["error_file_id"]) == (False, batch["error_file_id"])
    assert get(server, f"/files/{batch['output_file_id']}/content").status_code == 404


def test_pages_of_batches_join_to_the_whole_list(server: Server) -> None:
    file_id = upload(server, "a")
    made = [create(server, file_id)["id"] for _ in range(5)]
    pages: list[str] = []

    while len(page := listed(server, "/batches", limit=2, after=pages[-1] if pages else None)) == 2:
        pages += page

    assert pages + page == made[::-1]


@pytest.mark.parametrize("after", ["batch_abc", "0f8f3c3e-6f0e-4d5b-9a6e-3b1c2a7d9e10"])
def test_a_cursor_that_leads_nowhere_is_the_first_page_again(server: Server, after: str) -> None:
    batch = create(server, upload(server, "a"))

    assert listed(server, "/batches", after=after) == [batch["id"]]


def test_active_batches_come_first_page_after_page() -> None:
    with Server() as server:
        old_active, new_active = (stalled(server) for _ in range(2))
        old_over, new_over = (finished(server, "a")["id"] for _ in range(2))
        newest_active = stalled(server)
        wanted = [newest_active, new_active, old_active, new_over, old_over]

        following = [
            listed(server, "/batches", active_first="true", after=after) for after in [None, *wanted]
        ]

        assert following == [wanted[place:] for place in range(6)]
        assert listed(server, "/batches") == [newest_active, new_over, old_over, new_active, old_active]


def stalled(server: Server) -> str:
    server.faults.batch("stalled")
    return str(create(server, upload(server, "a"))["id"])


def test_a_filter_goes_by_what_was_stamped_and_not_by_the_status_shown() -> None:
    with Server(outcomes={"bad": Outcome.status(400)}) as server:
        running, over, failed = stalled(server), finished(server, "a"), finished(server, "bad")
        relabelled = finished(server, "a")
        requests.post(f"{server.base_url}/batches/{relabelled['id']}/cancel", timeout=60)

        found = {
            word: listed(server, "/batches", status=word)
            for word in ("in_progress", "completed", "failed", "cancelled", "expired")
        }

        assert found == {
            "in_progress": [running],
            "completed": [relabelled["id"], over["id"]],
            "failed": [failed["id"]],
            "cancelled": [relabelled["id"]],
            "expired": [],
        }


def test_what_completed_is_not_listed_among_the_failed(server: Server) -> None:
    server.faults.batch("stalled")
    batch = create(server, upload(server, "a"))
    move(server, batch, completed_at=1, failed_at=1)

    found = [listed(server, "/batches", status=word) for word in ("completed", "failed")]

    assert found == [[batch["id"]], []]


def test_a_batch_that_waits_or_finalises_counts_as_in_progress() -> None:
    with Server(populate_delay_s=3600) as server:
        batch = create(server, upload(server, "a"))
        waiting = listed(server, "/batches", status="in_progress")
        requests.post(f"{server.base_url}/batches/{batch['id']}/cancel", timeout=60)

        assert waiting == [batch["id"]]
        assert listed(server, "/batches", status="in_progress") == []
        assert listed(server, "/batches", status="cancelled") == [batch["id"]]


@pytest.mark.parametrize(
    ("times", "is_late"),
    [
        ({"expires_at": 1}, True),
        ({"expires_at": 5, "completed_at": 5}, False),
        ({"expires_at": 5, "completed_at": 6}, True),
        ({"expires_at": 5, "failed_at": 6}, True),
        ({"expires_at": 5, "completed_at": 4, "cancelling_at": 4, "cancelled_at": 4}, False),
        ({"expires_at": 5, "completed_at": 4, "cancelling_at": 6, "cancelled_at": 6}, True),
    ],
)
def test_expired_is_whatever_ran_or_ended_past_its_deadline(
    server: Server,
    times: dict[str, int],
    is_late: bool,  # noqa: FBT001 - pytest gives it
) -> None:
    server.faults.batch("stalled")
    batch = create(server, upload(server, "a"))
    move(server, batch, **times)

    assert bool(listed(server, "/batches", status="expired")) == is_late


def test_a_list_does_not_finalise_and_a_get_does() -> None:
    with Server() as server:
        batch = create(server, upload(server, "a"))
        server.wait_until(lambda: len(server.ledger()) == 1)

        (in_list,) = get(server, "/batches").json()["data"]
        shown = get(server, f"/batches/{batch['id']}").json()

        assert (in_list["status"], shown["status"]) == ("finalizing", "completed")
        assert "completed_at" not in in_list


def test_batches_are_filtered_by_their_window(server: Server) -> None:
    file_id = upload(server, "a")
    day, hour = (create(server, file_id, completion_window=one)["id"] for one in ("24h", "1h"))

    found = [listed(server, "/batches", completion_window=words) for words in ("24h", "1h,24h", "0s", "")]

    assert found == [[day], [hour, day], [], [hour, day]]


def test_batches_are_filtered_by_when_they_were_made(server: Server) -> None:
    batch = create(server, upload(server, "a"))
    move(server, batch, created_at=1_767_225_600)

    found = {
        (name, date): len(listed(server, "/batches", **{name: date}))
        for name in ("created_after", "created_before")
        for date in ("2025-12-31T23:59:59Z", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:01Z")
    }

    assert list(found.values()) == [1, 1, 0, 0, 1, 1]


@pytest.mark.parametrize("date", ["yesterday", "2026-01-01", "2026-01-01T00:00:00", "1767225600"])
def test_a_date_without_time_or_zone_is_refused(server: Server, date: str) -> None:
    reply = get(server, "/batches", created_after=date)

    assert reply.status_code == 400
    assert reply.text.startswith("Failed to deserialize query string: ")


def test_rows_are_searched_by_custom_id_in_any_case_and_wildcards_live(server: Server) -> None:
    batch = finished(server, "row-1", "row-2", "other")

    found = {
        word: sorted(one["custom_id"] for one in read(server, batch["output_file_id"], search=word))
        for word in ("ROW", "r%2", "___-1", "r_2")
    }

    assert found == {"ROW": ["row-1", "row-2"], "r%2": ["row-2"], "___-1": ["row-1"], "r_2": []}


def test_a_user_agent_is_kept_and_searched_up_to_its_256th_letter(server: Server) -> None:
    order = {
        "input_file_id": upload(server, "a"),
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    agent = "x" * 253 + "keptlost"
    requests.post(f"{server.base_url}/batches", json=order, headers={"User-Agent": agent}, timeout=60)

    assert [len(listed(server, "/batches", search=word)) for word in ("xkep", "xkept")] == [1, 0]


@pytest.mark.parametrize(
    "spelling",
    [
        str.upper,
        lambda one: one.replace("-", ""),
        lambda one: f"{{{one}}}",
        lambda one: f"urn:uuid:{one}",
    ],
)
def test_an_id_may_be_spelt_in_every_way_a_uuid_may(server: Server, spelling: Any) -> None:
    batch = finish(server, create(server, upload(server, "a")))

    reply = get(server, f"/batches/{spelling(batch['id'])}")

    assert reply.json()["id"] == batch["id"]


@pytest.mark.parametrize(
    "spelling", ["batch_{id}", "0f8f3c3e-6f0e4d5b9a6e3b1c-2a7d9e10", "0f8f3c3e_f0e4d5b9a6e3b1c2a7d9e10"]
)
def test_an_id_in_another_spelling_is_no_uuid(server: Server, spelling: str) -> None:
    batch = create(server, upload(server, "a"))

    reply = get(server, f"/batches/{spelling.format(id=batch['id'])}")

    assert (reply.status_code, reply.text) == (400, "Invalid batch ID format")
