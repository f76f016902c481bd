"""A whole job against the local server: ours, and the script that a user would write."""

import json
import tempfile
import time
from pathlib import Path

import pandas as pd
import requests

import dwbatch
from tests.benchmarks.measure import Measured, measuring
from tests.benchmarks.texts import KINDS, MODEL, PROMPT

POLL_S = 0.2
ROWS_A_BATCH = 50_000


def ours(rows: int, url: str) -> Measured:
    """`dwbatch.run`, which also hashes, keeps a checkpoint and aligns by content."""
    frame = KINDS["short"](rows)
    with tempfile.TemporaryDirectory() as folder, measuring() as found:
        out = dwbatch.run(
            frame,
            PROMPT,
            model=MODEL,
            base_url=url,
            checkpoint=f"{folder}/job",
            edition=folder,
            progress=False,
            poll_interval=POLL_S,
        )
    found.told = {"ok": int((out["response_status"] == "ok").sum())}
    return found


def by_hand(rows: int, url: str) -> Measured:
    """requests, json and a dict: files of 50,000 rows, a loop that waits, a join by custom_id."""
    frame = KINDS["short"](rows)
    with tempfile.TemporaryDirectory() as folder, measuring() as found:
        batches = []
        for start in range(0, rows, ROWS_A_BATCH):
            path = Path(folder) / f"{start}.jsonl"
            _write(path, frame["text"].iloc[start : start + ROWS_A_BATCH], start)
            with path.open("rb") as file:
                form = {"purpose": "batch"}
                made = requests.post(f"{url}/files", files={"file": file}, data=form, timeout=600).json()
            order = {
                "input_file_id": made["id"],
                "endpoint": "/v1/chat/completions",
                "completion_window": "24h",
            }
            batches.append(requests.post(f"{url}/batches", json=order, timeout=60).json()["id"])
        answers: dict[str, str] = {}
        for batch in batches:
            answers |= _answers(batch, url)
        frame["response"] = [answers.get(f"row-{row}") for row in range(rows)]
    found.told = {"ok": int(frame["response"].notna().sum())}
    return found


def _write(path: Path, texts: "pd.Series[str]", start: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row, text in enumerate(texts, start):
            body = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT.format(text=text)}]}
            line = {"custom_id": f"row-{row}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps(line) + "\n")


def _answers(batch: str, url: str) -> dict[str, str]:
    while (state := requests.get(f"{url}/batches/{batch}", timeout=60).json())["status"] != "completed":
        time.sleep(POLL_S)
    content = requests.get(f"{url}/files/{state['output_file_id']}/content", timeout=600).content
    lines = [json.loads(line) for line in content.split(b"\n") if line]
    return {line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"] for line in lines}
