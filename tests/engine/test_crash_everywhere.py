"""A job of two shards crashes at each of its effects, and at every pair; nothing is bought twice, nothing lost."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from dwbatch.local import Server
from tests.engine.world import Crash, Effects, run

FRAME = pd.DataFrame({"text": ["first", "second"]}, index=pd.Index([7, 7]))

pytestmark = pytest.mark.promise


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def uncrashed(server: Server, folder: Path) -> tuple[pd.DataFrame, int]:
    """The frame that a job without any crash returns, and how many effects it has."""
    effects = Effects()
    out = run(FRAME, server, effects, checkpoint=folder, name="uncrashed", edition=folder.parent.name)
    return out, len(effects.trace)


def crash(server: Server, folder: Path, name: str, *, at: int) -> int | None:
    """Run the job named so until its effect number `at`; its number of effects if it came to its end."""
    effects = Effects(crash_before=at)
    try:
        run(FRAME, server, effects, checkpoint=folder, name=name, edition=name)
    except Crash:
        return None
    return len(effects.trace)


def check(server: Server, folder: Path, name: str, expected: pd.DataFrame) -> None:
    """The same call once more ends as if nothing had happened, and each request was billed once."""
    out = run(FRAME, server, Effects(), checkpoint=folder, name=name, edition=name)
    pd.testing.assert_frame_equal(out, expected)
    billed = Counter(bill.custom_id for bill in server.ledger() if bill.custom_id.startswith(f"{name}-row-"))
    assert sorted(billed.values()) == [1, 1], f"crashed at {name}: {billed}"


def test_a_crash_at_any_effect_costs_nothing_and_loses_nothing(server: Server, tmp_path: Path) -> None:
    expected, count = uncrashed(server, tmp_path / "uncrashed")

    for at in range(count):
        name = f"single{at}"
        assert crash(server, tmp_path / name, name, at=at) is None
        check(server, tmp_path / name, name, expected)

    assert count > 80


# Every pair takes half an hour; a clean machine crashes at every thirteenth effect of each run.
@pytest.mark.parametrize("stride", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_a_crash_at_any_pair_of_effects_costs_nothing_and_loses_nothing(
    server: Server, tmp_path: Path, stride: int
) -> None:
    expected, count = uncrashed(server, tmp_path / "uncrashed")
    pairs = 0

    for first in range(stride // 2, count, stride):
        # A server of their own, or each look and each ledger would be longer than the last.
        with Server() as fresh:
            for second in range(stride // 3, count, stride):
                name = f"pair{stride}x{first}x{second}"
                crash(fresh, tmp_path / name, name, at=first)
                ended = crash(fresh, tmp_path / name, name, at=second)
                check(fresh, tmp_path / name, name, expected)
                pairs += 1
                if ended is not None:
                    break

    assert pairs > count // stride
