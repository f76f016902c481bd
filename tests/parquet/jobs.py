"""How the tests of this folder call: files of a few rows, at a server of their own."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from dwbatch.local import Server
from dwbatch.parquet.door import run_parquet
from dwbatch.parquet.report import ParquetReport

SAY = "say {text}"


def write(path: Path, *texts: object, **columns: list[Any]) -> Path:
    """A parquet file with the column ``text``, and others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"text": pd.Series(list(texts), dtype="string"), **columns}).to_parquet(path, index=False)
    return path


def run(
    server: Server, source: object, destination: object, prompt: Any = SAY, **options: Any
) -> ParquetReport:
    """`dwbatch.run_parquet` with most of its options said already."""
    usual = {"model": "m", "base_url": server.base_url, "progress": False, "poll_interval": 0.02}
    return run_parquet(source, destination, prompt, **{**usual, **options})  # type: ignore[arg-type] # wrong ones on purpose


def answers(path: Path, output: str = "response") -> list[object]:
    """The answers of a destination in the order of its files, None where there is none."""
    files = [path] if path.is_file() else sorted(path.rglob("*.parquet"))
    return [value for file in files for value in pq.read_table(file)[output].to_pylist()]
