"""Faults are set from this process and from another, and what is no fault is refused."""

from pathlib import Path
from typing import Any

import pytest
import requests

from dwbatch.local import Fired, Server, faults_at, join
from tests.local.asking import finished


def test_faults_of_another_process_are_set_over_http(tmp_path: Path) -> None:
    base_url = join(tmp_path, idle_s=60)
    faults = faults_at(base_url)
    faults.reply("GET", "/files", status=503, body=b"\x00\xff")
    faults.drop_line("a")
    waiting = faults.unfired

    replies = [requests.get(f"{base_url}/files", timeout=60) for _ in range(2)]
    fired = faults.fired
    faults.clear()

    assert [reply.status_code for reply in replies] == [503, 200]
    assert replies[0].content == b"\x00\xff"
    assert fired == [Fired("reply", "GET /files")]
    assert (len(waiting), faults.unfired) == (2, [])


def test_a_page_in_a_browser_cannot_set_faults() -> None:
    with Server() as server:
        address = server.base_url.removesuffix("/v1") + "/-/faults"

        reply = requests.post(address, data='{"fault": "fail_rows", "status": 500, "body": ""}', timeout=60)

        assert reply.status_code == 415
        assert server.faults.unfired == []


def test_what_is_no_fault_is_refused_with_a_sentence() -> None:
    with Server() as server:
        address = server.base_url.removesuffix("/v1") + "/-/faults"

        reply = requests.post(address, json={"fault": "earthquake"}, timeout=60)

        assert (reply.status_code, reply.text) == (
            422,
            "Not a fault: Invalid value 'earthquake' - at `$.fault`",
        )


@pytest.mark.parametrize(
    ("misspell", "sentence"),
    [
        (
            lambda faults: faults.batch("sleepy"),
            "There is no fault 'sleepy': choose from 'unpopulated', 'broken', 'stalled', 'overdue'.",
        ),
        (
            lambda faults: faults.reset("POST", "/batches", when="later"),
            "There is no fault 'later': choose from 'before', 'during', 'after'.",
        ),
        (
            lambda faults: faults.cut("GET", "/files", after_bytes=1, end="softly"),
            "There is no fault 'softly': choose from 'close', 'reset', 'cleanly'.",
        ),
        (
            lambda faults: faults.lag_list("models"),
            "There is no fault 'models': choose from 'files', 'batches'.",
        ),
        (
            lambda faults: faults.too_many("GET", "/files", why="mood"),
            "There is no fault 'mood': choose from 'capacity', 'unverified', 'upload_slot', 'upload_wait'.",
        ),
    ],
)
def test_a_word_that_names_no_fault_is_refused_when_it_is_set(misspell: Any, sentence: str) -> None:
    with Server() as server:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole sentence is compared below
            misspell(server.faults)

        assert str(caught.value) == sentence
        assert (server.faults.unfired, finished(server, "a")["status"]) == ([], "completed")
