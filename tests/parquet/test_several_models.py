"""Several models of one source: one call each, and what a mapping of them is told."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dwbatch.errors import InputError
from dwbatch.local import Server
from tests.parquet.jobs import run, write


def test_a_mapping_is_refused_with_what_to_do_instead(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one")

    with pytest.raises(InputError, match=r"takes one model=.* make one call for each.* Nothing was sent"):
        run(server, source, tmp_path / "out.parquet", model={"small": "s", "big": "b"})

    assert server.exchanges() == []


def test_what_it_says_gives_one_file_with_the_answers_of_all(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", "two")

    run(server, source, tmp_path / "small.parquet", model="s", output="small")
    run(server, tmp_path / "small.parquet", tmp_path / "both.parquet", model="b", output="big")

    told = pq.read_table(tmp_path / "both.parquet", columns=["text", "small", "big"]).to_pylist()
    assert told == [
        {"text": text, **dict.fromkeys(("small", "big"), f"echo: say {text}")} for text in ("one", "two")
    ]
