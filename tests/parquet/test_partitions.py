"""Folders such as ``year=2026/`` are columns of the source, and of the destination."""

from pathlib import Path

import pandas as pd
import pytest

from dwbatch.errors import InputError
from dwbatch.local import Server
from tests.parquet.jobs import run, write


def test_partitions_of_the_source_are_those_of_the_destination(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "in" / "year=2025" / "a.parquet", "old")
    write(tmp_path / "in" / "year=2026" / "a.parquet", "new")

    for destination in ("out", "out.parquet"):
        run(server, tmp_path / "in", tmp_path / destination, "say {text} of {year}")
        out = pd.read_parquet(tmp_path / destination)

        assert out["response"].tolist() == ["echo: say old of 2025", "echo: say new of 2026"]
        assert out["year"].astype(int).tolist() == [2025, 2026]


def test_an_answer_column_named_as_a_partition_is_refused(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "in" / "year=2026" / "a.parquet", "new")

    with pytest.raises(InputError, match="The source already has the column 'year'"):
        run(server, tmp_path / "in", tmp_path / "out", output="year")
