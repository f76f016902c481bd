"""A column of prompts → a JSONL file on disk."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from dwbatch.asking import ask
from dwbatch.frames import read_columns
from dwbatch.given import read_options
from dwbatch.prompts import identity, requests
from dwbatch.prompts.identity import default_custom_ids
from dwbatch.prompts.requests import read_rows, write_lines
from tests.benchmarks.measure import Measured, measuring
from tests.benchmarks.texts import KINDS, MODEL, PROMPT

MOST_BYTES = 100_000_000


def loop(kind: str, rows: int, folder: str) -> Measured:
    """Today's habit: a dict a row, and `json.dumps`."""
    texts = KINDS[kind](rows)["text"]
    path = Path(folder) / "loop.jsonl"
    with measuring() as found, path.open("w", encoding="utf-8") as file:
        for row, text in enumerate(texts):
            body = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT.format(text=text)}]}
            line = {"custom_id": f"row-{row}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps(line) + "\n")
        _to_disk(file)
    found.told = {"bytes": path.stat().st_size}
    path.unlink()
    return found


def ours(kind: str, rows: int, folder: str) -> Measured:
    """Keys, custom_ids and lines; what hashing takes is told apart."""
    frame = KINDS[kind](rows)
    asking = ask(PROMPT, read_options({"model": MODEL}, call="run"), ["text"])
    path = Path(folder) / "ours.jsonl"
    hashing = _Clocked(identity.request_keys)
    vars(requests)["request_keys"] = hashing
    with measuring() as found, path.open("wb") as file:
        columns = read_columns(frame, asking.columns)
        read = read_rows(columns, asking.recipe, n_rows=rows, dedupe=True, max_bytes=MOST_BYTES)
        planned_s, planned_cpu_s = time.perf_counter(), time.process_time()
        positions = np.arange(rows)
        names = default_custom_ids("job", positions, read.keys, n_rows=rows)
        planning_hash_s = hashing.seconds
        hashing.seconds = hashing.cpu_seconds = 0.0
        lines = write_lines(
            columns, asking.recipe, rows=positions, custom_ids=names, occurrences=read.occurrences
        )
        for some in lines:
            file.write(some.payload)
        _to_disk(file)
        writing_s, writing_cpu_s = time.perf_counter() - planned_s, time.process_time() - planned_cpu_s
    found.told = {
        "bytes": path.stat().st_size,
        "hash_s": planning_hash_s,
        "lines_s": writing_s - hashing.seconds,
        "lines_cpu_s": writing_cpu_s - hashing.cpu_seconds,
    }
    path.unlink()
    return found


def floor(kind: str, rows: int, folder: str) -> Measured:
    """Writing the same bytes."""
    row = len(PROMPT) + sum(len(text.encode()) for text in KINDS[kind](1_000)["text"]) // 1_000 + 150
    block = bytes(1024) * 1024
    path = Path(folder) / "floor"
    with measuring() as found, path.open("wb") as file:
        for _ in range(row * rows // len(block)):
            file.write(block)
        _to_disk(file)
    found.told = {"bytes": path.stat().st_size}
    path.unlink()
    return found


def _to_disk(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


class _Clocked:
    """A function that knows how long it was busy."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.seconds = self.cpu_seconds = 0.0

    def __call__(self, *given: Any, **named: Any) -> Any:
        start, cpu_start = time.perf_counter(), time.process_time()
        try:
            return self.function(*given, **named)
        finally:
            self.seconds += time.perf_counter() - start
            self.cpu_seconds += time.process_time() - cpu_start
