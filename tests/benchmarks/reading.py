"""An output file → columns beside their rows."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from dwbatch.answers.decode import decode
from dwbatch.answers.pick import settle
from tests.benchmarks.measure import Measured, measuring
from tests.benchmarks.texts import custom_id

BLOCK = 256 * 1024


def dicts(path: str, rows: int) -> Measured:
    """Today's habit: `json.loads`, a dict a row, and a look-up by custom_id."""
    with measuring() as found:
        with Path(path).open(encoding="utf-8") as file:
            by_id = {line["custom_id"]: line for line in map(json.loads, file)}
        texts = [
            by_id[custom_id(row)]["response"]["body"]["choices"][0]["message"]["content"]
            for row in range(rows)
        ]
    found.told = {"bytes": Path(path).stat().st_size, "rows": len(texts)}
    return found


def ours(path: str, rows: int) -> Measured:
    """Straight to columns, one result a request, in the order of the requests."""
    custom_ids = pa.array([custom_id(row) for row in range(rows)])
    with measuring() as found:
        results = settle(decode(_blocks(path)), custom_ids, batch_status="completed")
    found.told = {"bytes": Path(path).stat().st_size, "rows": len(results)}
    return found


def floor(path: str, rows: int) -> Measured:
    """Reading the same bytes."""
    with measuring() as found:
        count = sum(map(len, _blocks(path)))
    found.told = {"bytes": count, "rows": rows}
    return found


def _blocks(path: str) -> Iterator[bytes]:
    with Path(path).open("rb") as file:
        while block := file.read(BLOCK):
            yield block
