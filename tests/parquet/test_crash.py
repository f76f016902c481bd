"""A parquet job crashes before each of its effects; the same call again ends as if nothing had happened."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from dwbatch.given import read_options
from dwbatch.local import Server
from dwbatch.parquet.carrying import carry_out
from dwbatch.parquet.door import prepared
from dwbatch.parquet.report import ParquetReport
from tests.engine.world import Crash, Effects, counted
from tests.parquet.jobs import SAY, answers, write

pytestmark = pytest.mark.promise


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def carry(server: Server, folder: Path, effects: Effects) -> ParquetReport:
    """One call in the counted world, one request a shard."""
    given, means = counted(server, effects, edition=folder.name)
    call, output = prepared(folder / "in", folder / "out", SAY, read_options(given, call="run_parquet"))
    output = replace(output, destination=replace(output.destination, disk=means.disk))
    return carry_out(call, output, means)


def job(folder: Path) -> Path:
    write(folder / "in" / "a.parquet", f"first of {folder.name}")
    write(folder / "in" / "b.parquet", f"second of {folder.name}", None)
    return folder


def check(server: Server, folder: Path) -> None:
    """Both files are whole, and each request was billed once."""
    said = [f"echo: say first of {folder.name}", f"echo: say second of {folder.name}", None]
    assert answers(folder / "out") == said
    assert (folder / "out" / "_SUCCESS").exists()
    billed = Counter(bill.custom_id for bill in server.ledger())
    assert set(billed.values()) == {1}


def count(server: Server, folder: Path) -> int:
    effects = Effects()
    carry(server, job(folder), effects)
    check(server, folder)
    return len(effects.trace)


# All of them take a minute; a clean machine crashes at every eleventh.
@pytest.mark.parametrize("stride", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_a_crash_at_any_effect_costs_nothing_and_loses_nothing(
    server: Server, tmp_path: Path, stride: int
) -> None:
    effects = count(server, tmp_path / "whole")

    for at in range(0, effects, stride):
        folder = job(tmp_path / f"crash{at}")
        with pytest.raises(Crash):
            carry(server, folder, Effects(crash_before=at))
        carry(server, folder, Effects())
        check(server, folder)

    # A server that cannot search is asked less often.
    assert effects > 60


def test_while_a_file_changes_nothing_says_that_all_are_whole(server: Server, tmp_path: Path) -> None:
    folder = job(tmp_path / "marked")
    carry(server, folder, Effects())
    write(folder / "in" / "b.parquet", "changed")
    again = Effects()
    carry(server, folder, again)
    unmarked = [place for place, effect in enumerate(again.trace) if effect.startswith("rename b.parquet")]
    write(folder / "in" / "b.parquet", "changed again")

    with pytest.raises(Crash):
        carry(server, folder, Effects(crash_before=unmarked[-1]))

    assert not (folder / "out" / "_SUCCESS").exists()
    assert pq.read_table(folder / "out" / "b.parquet")["response"].to_pylist() == ["echo: say changed"]
