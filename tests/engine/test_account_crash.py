"""A job crashes anywhere and its folder is lost besides; or an adoption crashes: each request is billed once."""

import shutil
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


def attempt(server: Server, folder: Path, name: str, *, crash_before: int | None = None) -> Effects:
    """Run the job named so, perhaps until a crash; each name is an edition of its own."""
    effects = Effects(crash_before)
    try:
        run(FRAME, server, effects, checkpoint=folder, name=name, edition=name)
    except Crash:
        assert crash_before is not None
    return effects


def check(server: Server, folder: Path, name: str, expected: pd.DataFrame) -> None:
    """The same call once more ends as if nothing had happened, and each request was billed once."""
    out = run(FRAME, server, Effects(), checkpoint=folder, name=name, edition=name)
    pd.testing.assert_frame_equal(out, expected)
    billed = Counter(bill.custom_id for bill in server.ledger() if bill.custom_id.startswith(f"{name}-row-"))
    assert sorted(billed.values()) == [1, 1], f"{name}: {billed}"


@pytest.fixture(scope="module")
def expected(server: Server, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("uncrashed") / "job"
    return run(FRAME, server, Effects(), checkpoint=folder, name="uncrashed", edition="uncrashed")


# Every effect takes a minute; a clean machine crashes at every other one.
@pytest.mark.parametrize("stride", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_a_crash_at_any_effect_and_a_lost_folder_cost_nothing(
    server: Server, tmp_path: Path, expected: pd.DataFrame, stride: int
) -> None:
    count = len(attempt(server, tmp_path / f"whole{stride}", f"whole{stride}").trace)

    for at in range(0, count, stride):
        folder, name = tmp_path / f"{at}", f"lost{stride}x{at}"
        attempt(server, folder, name, crash_before=at)
        shutil.rmtree(folder, ignore_errors=True)
        check(server, folder, name, expected)

    assert count > 80


def test_a_crash_at_any_effect_of_an_adoption_costs_nothing(
    server: Server, tmp_path: Path, expected: pd.DataFrame
) -> None:
    attempt(server, tmp_path / "there", "adopted")
    count = len(attempt(server, tmp_path / "here", "adopted").trace)

    for at in range(count):
        attempt(server, tmp_path / f"{at}", "adopted", crash_before=at)
        check(server, tmp_path / f"{at}", "adopted", expected)

    assert count > 40


def test_a_crash_in_an_adoption_and_a_folder_lost_again_cost_nothing(
    server: Server, tmp_path: Path, expected: pd.DataFrame
) -> None:
    attempt(server, tmp_path / "there", "twice")
    count = len(attempt(server, tmp_path / "here", "twice").trace)

    for at in range(0, count, 7):
        folder = tmp_path / f"{at}"
        attempt(server, folder, "twice", crash_before=at)
        shutil.rmtree(folder, ignore_errors=True)
        check(server, folder, "twice", expected)

    assert count > 40
