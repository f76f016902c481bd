"""Output files → columns beside their rows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from dwbatch.answers.decode import decode
from dwbatch.answers.pick import settle
from dwbatch.outcome import RESULT_COLUMNS
from tests.benchmarks.measure import Measured, measuring
from tests.benchmarks.texts import ROWS_A_BATCH, custom_id

BLOCK = 256 * 1024


def dicts(folder: str, rows: int) -> Measured:
    """Today's habit: `json.loads`, a dict a row, and a look-up by custom_id."""
    with measuring() as found:
        by_id: dict[str, dict[str, Any]] = {}
        for path in _files(folder):
            with path.open(encoding="utf-8") as file:
                by_id.update((line["custom_id"], line) for line in map(json.loads, file))
        texts = [
            by_id[custom_id(row)]["response"]["body"]["choices"][0]["message"]["content"]
            for row in range(rows)
        ]
    found.told = {"bytes": _size(folder), "rows": len(texts)}
    return found


def ours(folder: str, rows: int) -> Measured:
    """Straight to columns, one result a request, in the order of the requests; bodies stay in the checkpoint."""
    custom_ids = pa.array([custom_id(row) for row in range(rows)])
    with measuring() as found:
        results = pa.concat_tables(
            settle(
                decode(_blocks(path)),
                custom_ids.slice(place * ROWS_A_BATCH, ROWS_A_BATCH),
                batch_status="completed",
            ).select(RESULT_COLUMNS)
            for place, path in enumerate(_files(folder))
        )
    found.told = {"bytes": _size(folder), "rows": len(results)}
    return found


def floor(folder: str, rows: int) -> Measured:
    """Reading the same bytes."""
    with measuring() as found:
        count = sum(len(block) for path in _files(folder) for block in _blocks(path))
    found.told = {"bytes": count, "rows": rows}
    return found


def _files(folder: str) -> list[Path]:
    return sorted(Path(folder).iterdir())


def _size(folder: str) -> int:
    return sum(path.stat().st_size for path in _files(folder))


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
