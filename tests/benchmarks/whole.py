"""A whole job against the local server: ours, and the script that a user would write."""

import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
import requests
from autobatcher import BatchOpenAI

import dwbatch
import dwbatch.api  # before anything is measured, as the libraries of the script
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
        batches, moved = [], 0
        for start in range(0, rows, ROWS_A_BATCH):
            path = Path(folder) / f"{start}.jsonl"
            _write(path, frame["text"].iloc[start : start + ROWS_A_BATCH], start)
            moved += path.stat().st_size
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
            content = _content(batch, url)
            moved += len(content)
            answers |= _answers(content)
        frame["response"] = [answers.get(f"row-{row}") for row in range(rows)]
    found.told = {"ok": int(frame["response"].notna().sum()), "bytes": moved}
    return found


def _write(path: Path, texts: "pd.Series[str]", start: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row, text in enumerate(texts, start):
            body = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT.format(text=text)}]}
            line = {"custom_id": f"row-{row}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps(line) + "\n")


def _content(batch: str, url: str) -> bytes:
    while (state := requests.get(f"{url}/batches/{batch}", timeout=60).json())["status"] != "completed":
        time.sleep(POLL_S)
    return requests.get(f"{url}/files/{state['output_file_id']}/content", timeout=600).content


def _answers(content: bytes) -> dict[str, str]:
    lines = [json.loads(line) for line in content.split(b"\n") if line]
    return {line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"] for line in lines}


def by_autobatcher(rows: int, url: str) -> Measured:
    """The provider's own wrapper of the OpenAI client: a coroutine a row, gathered."""
    frame = KINDS["short"](rows)
    with measuring() as found:
        frame["response"] = asyncio.run(_gathered([PROMPT.format(text=text) for text in frame["text"]], url))
    found.told = {"ok": int(frame["response"].notna().sum())}
    return found


async def _gathered(prompts: list[str], url: str) -> list[str | None]:
    client = BatchOpenAI(
        api_key="sk-any",
        base_url=url,
        batch_size=ROWS_A_BATCH,
        poll_interval_seconds=POLL_S,
        completion_window="24h",
    )

    async def ask(prompt: str) -> str | None:
        messages: Any = [{"role": "user", "content": prompt}]
        made = await client.chat.completions.create(model=MODEL, messages=messages)
        content: str | None = made.choices[0].message.content
        return content

    async with client:
        return await asyncio.gather(*map(ask, prompts))
