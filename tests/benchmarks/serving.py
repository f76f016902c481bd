"""The local server's own cost: lines taken in, rows answered, results given out."""

import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
import numpy as np
import requests

from dwbatch.asking import ask
from dwbatch.frames import read_columns
from dwbatch.given import read_options
from dwbatch.local import Limits, Server, accepting
from dwbatch.prompts.identity import default_custom_ids
from dwbatch.prompts.requests import read_rows, write_lines
from tests.benchmarks.measure import Measured, measuring
from tests.benchmarks.texts import MODEL, PROMPT, short

A = TypeVar("A")

BLOCK = 1024 * 1024
LIMITS = Limits(max_file_bytes=10_000_000_000)
LONGEST_S = 3600.0


def write_request_lines(path: Path, rows: int) -> None:
    """A file as the client uploads it."""
    asking = ask(PROMPT, read_options({"model": MODEL}, call="run"), ["text"])
    columns, positions = read_columns(short(rows), asking.columns), np.arange(rows)
    read = read_rows(columns, asking.recipe, n_rows=rows, dedupe=True, max_bytes=LIMITS.max_file_bytes)
    names = default_custom_ids("job", positions, read.keys, n_rows=rows)
    with path.open("wb") as file:
        for some in write_lines(
            columns, asking.recipe, rows=positions, custom_ids=names, occurrences=read.occurrences
        ):
            file.write(some.payload)


def library(path: str) -> Measured:
    """The JSON library alone, over the same lines."""
    decode = msgspec.json.Decoder().decode
    with measuring() as found, Path(path).open("rb") as file:
        for line in file:
            decode(line)
    return found


def validated(path: str) -> Measured:
    """The same lines checked, and written anew with their keys sorted."""
    with measuring() as found, Path(path).open("rb") as file:
        total = sum(slab.total for slab in accepting.slabs(file, limits=LIMITS, models=None))
    found.told = {"rows": total}
    return found


def ours(path: str) -> Measured:
    """The whole server: an upload, a batch answered by the echo, its results read over a socket."""
    told: dict[str, float] = {}
    with measuring() as found, Server(limits=LIMITS) as server:
        file_id = _clocked(told, "accept", lambda: _upload(server.base_url, path))
        output = _clocked(told, "echo", lambda: _answered(server, file_id))
        told["bytes"] = _clocked(told, "serve", lambda: _size(server.base_url, output))
    found.told = told
    return found


def floor(path: str, size: int) -> Measured:
    """Reading as many bytes from a file."""
    with measuring() as found:
        left = size
        while left > 0:
            with Path(path).open("rb") as file:
                while left > 0 and (block := file.read(min(BLOCK, left))):
                    left -= len(block)
    return found


def _clocked(told: dict[str, float], name: str, work: Callable[[], A]) -> A:
    wall, cpu = time.perf_counter(), time.process_time()
    done = work()
    told |= {f"{name}_wall_s": time.perf_counter() - wall, f"{name}_cpu_s": time.process_time() - cpu}
    return done


def _upload(url: str, path: str) -> str:
    boundary = "benchmark"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    address = urlsplit(url)
    connection = HTTPConnection(str(address.hostname), address.port)
    connection.putrequest("POST", f"{address.path}/files")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
    connection.putheader("Content-Length", str(len(head) + Path(path).stat().st_size + len(tail)))
    connection.endheaders(head)
    with Path(path).open("rb") as file:
        while block := file.read(BLOCK):
            connection.send(block)
    connection.send(tail)
    file_id: str = msgspec.json.decode(connection.getresponse().read())["id"]
    connection.close()
    return file_id


def _answered(server: Server, file_id: str) -> str:
    order = {
        "input_file_id": file_id,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    batch = requests.post(f"{server.base_url}/batches", json=order, timeout=60).json()
    runner = server._running().runner
    runner.wait_until(lambda: not runner.is_busy, LONGEST_S)
    output: str = batch["output_file_id"]
    return output


def _size(url: str, file_id: str) -> int:
    with requests.get(f"{url}/files/{file_id}/content", stream=True, timeout=600) as reply:
        return sum(len(block) for block in reply.raw.stream(BLOCK))
