"""A server process that is killed, and its store that is not."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests

from dwbatch.local import Server, join
from tests.local.asking import line

# Ten seconds of work for the server that is killed, and an instant for the other.
ROWS = 3000
SLOW = ["--delay", "0.05"]


def slow_server(folder: Path) -> str:
    command = [sys.executable, "-m", "dwbatch.local", "--port", "0", "--folder", str(folder), *SLOW]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = server.stdout.readline()
        # It is killed below, by its number; this parent need not wait for it.
        server.returncode = 0
    return said.split()[1]


def started(base_url: str) -> dict[str, Any]:
    content = b"".join(json.dumps(line(str(row))).encode() + b"\n" for row in range(ROWS))
    file = requests.post(
        f"{base_url}/files",
        files={"file": ("job.jsonl", content)},
        data={"purpose": "batch"},
        timeout=60,
    ).json()
    order = {
        "input_file_id": file["id"],
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    batch: dict[str, Any] = requests.post(f"{base_url}/batches", json=order, timeout=60).json()
    return batch


def kill(folder: Path) -> None:
    pid = json.loads((folder / "port.json").read_text(encoding="utf-8"))["pid"]
    # Windows knows no signal that kills, and os.kill does it there with any other.
    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))


@pytest.mark.promise
def test_a_killed_server_goes_on_in_a_new_process_and_bills_each_row_once(tmp_path: Path) -> None:
    base_url = slow_server(tmp_path)
    batch = started(base_url)
    while not requests.get(f"{base_url}/batches/{batch['id']}", timeout=60).json()["request_counts"][
        "completed"
    ]:
        pass

    kill(tmp_path)
    again = join(tmp_path, idle_s=60)
    while True:
        shown = requests.get(f"{again}/batches/{batch['id']}", timeout=60).json()
        if shown["status"] == "completed":
            break
    lines = requests.get(f"{again}/files/{batch['output_file_id']}/content", timeout=60).content
    kill(tmp_path)

    assert shown["request_counts"] == {"total": ROWS, "completed": ROWS, "failed": 0}
    answered = Counter(json.loads(one)["custom_id"] for one in lines.splitlines())
    assert answered == {str(row): 1 for row in range(ROWS)}
    with Server(tmp_path) as server:
        assert Counter(bill.custom_id for bill in server.ledger()) == answered
