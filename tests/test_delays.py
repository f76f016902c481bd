"""The plugin that makes threads late does so, in the threads that it is told to, and comes to an end."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.delays import DELAY_S, MOST_OF_A_FUNCTION, MOST_OF_A_THREAD, Delays

ROOT = Path(__file__).parents[1]


def one() -> None:
    """Called and left."""


def two() -> None:
    """Likewise."""


def paused(kind: str, seed: int, *, thread: str) -> list[float]:
    """Pauses of a thread of some name that calls two functions often."""
    pauses: list[float] = []
    delays = Delays(kind, str(seed), pauses.append)

    def work() -> None:
        sys.setprofile(delays)
        for _ in range(200):
            one()
            two()
        sys.setprofile(None)

    working = threading.Thread(target=work, name=thread)
    working.start()
    working.join()
    return pauses


@pytest.mark.parametrize(
    ("kind", "thread", "is_late"),
    [
        ("hands", "dwbatch-0", True),
        ("others", "Thread-9", True),
        ("main", "MainThread", True),
        ("all", "dwbatch-0", True),
        ("hands", "Thread-9", False),
        ("others", "dwbatch-0", False),
        ("main", "dwbatch-0", False),
    ],
)
def test_threads_of_one_kind_are_late(kind: str, thread: str, *, is_late: bool) -> None:
    pauses = [paused(kind, seed, thread=thread) for seed in range(20)]

    assert any(pauses) == is_late
    assert {pause for each in pauses for pause in each} == ({DELAY_S} if is_late else set())
    assert max(map(len, pauses)) <= min(4 * MOST_OF_A_FUNCTION, MOST_OF_A_THREAD)


def test_another_number_makes_other_functions_late() -> None:
    assert len({len(paused("all", seed, thread="dwbatch-0")) for seed in range(20)}) > 2


def test_a_kind_that_is_none_is_named() -> None:
    with pytest.raises(
        pytest.UsageError, match="names no kind of thread; those are main, hands, others, all"
    ):
        Delays("elsewhere", "1")


def test_a_run_is_late_in_its_workers_and_ends_without_a_word(tmp_path: Path) -> None:
    made = tmp_path / "test_made.py"
    made.write_text(
        "import sys\ndef test(): assert type(sys.getprofile()).__name__ == 'Delays'", encoding="utf-8"
    )
    arguments = ["-q", "-n", "1", "-p", "tests.delays", "-c", str(ROOT / "pyproject.toml"), str(made)]

    late, usual = (
        subprocess.run(
            [sys.executable, "-m", "pytest", *arguments, *more],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
        )
        for more in (["--delay", "all:1"], [])
    )  # fmt: skip

    assert (late.returncode, late.stderr) == (0, ""), late.stdout
    assert (usual.returncode, usual.stderr) == (1, ""), usual.stdout
