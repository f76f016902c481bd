"""A prompt that names no column, and a destination that keeps none: rows count all the same."""

from pathlib import Path

import pytest

from dwbatch.local import Server
from tests.parquet.jobs import answers, run, write


@pytest.mark.parametrize("dedupe", [True, False])
def test_a_prompt_that_names_no_column_answers_every_row(
    server: Server, tmp_path: Path, *, dedupe: bool
) -> None:
    for name in ("a", "b"):
        write(tmp_path / "in" / f"{name}.parquet", name, name)

    report = run(server, tmp_path / "in", tmp_path / "out", "say hello", dedupe=dedupe)

    assert answers(tmp_path / "out") == ["echo: say hello"] * 4
    assert report.sent == (1 if dedupe else 4)


def test_a_destination_may_keep_the_answers_alone(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.parquet", "one", "two")

    run(server, tmp_path / "in", tmp_path / "out", columns=[])

    assert answers(tmp_path / "out") == ["echo: say one", "echo: say two"]
