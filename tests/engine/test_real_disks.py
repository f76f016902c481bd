"""A real disk that is full or read-only, also for root: a clear error, nothing sent in vain, and the call goes on."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dwbatch.errors import CheckpointError
from tests.engine.weather import Weather, billed, make_call, statuses, texts

pytestmark = [
    pytest.mark.promise,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has a tmpfs to mount"),
]

FRAME = texts("first", "second")
DISK_KIB = 256
PAGE_BYTES = 4096


def mount(*options: str) -> None:
    """Mount as root, or skip the test."""
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True, check=False, timeout=60)  # noqa: S607 - of this test alone
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of a few dozen pages."""
    place = tmp_path / "disk"
    place.mkdir()
    mount("-t", "tmpfs", "-o", f"size={DISK_KIB}k", "tmpfs", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True, timeout=60)  # noqa: S607 - likewise


@contextmanager
def all_but(disk: Path, pages: int) -> Iterator[None]:
    """A disk with room for so many pages more."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(max(0, shutil.disk_usage(disk).free - pages * PAGE_BYTES)))
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """A disk that takes nothing."""
    mount("-o", "remount,ro", str(disk))
    try:
        yield
    finally:
        mount("-o", "remount,rw", str(disk))


@pytest.mark.parametrize("pages", [0, 1, 3, 5, 7])
def test_a_full_disk_is_a_clear_error_and_the_same_call_goes_on(
    weather: Weather, disk: Path, pages: int
) -> None:
    with all_but(disk, pages), pytest.raises(CheckpointError, match="No space left on device"):
        make_call(FRAME, weather, disk / "job", workers=1, max_requests_per_batch=1)

    out, _ = make_call(FRAME, weather, disk / "job", workers=1, max_requests_per_batch=1)

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


def test_a_disk_that_is_full_from_the_beginning_buys_nothing(weather: Weather, disk: Path) -> None:
    with all_but(disk, 0), pytest.raises(CheckpointError):
        make_call(FRAME, weather, disk / "job")

    assert weather.calls() == {}


def test_a_read_only_disk_is_refused_before_anything_is_sent(weather: Weather, disk: Path) -> None:
    with read_only(disk), pytest.raises(CheckpointError, match="Nothing was sent"):
        make_call(FRAME, weather, disk / "job")

    assert weather.calls() == {}


def test_a_job_whose_disk_became_read_only_is_kept_and_goes_on(weather: Weather, disk: Path) -> None:
    make_call(FRAME, weather, disk / "job")
    more = texts("first", "second", "third")
    before = weather.calls()

    with read_only(disk), pytest.raises(CheckpointError, match="Nothing was sent"):
        make_call(more, weather, disk / "job")
    during = weather.calls()
    out, _ = make_call(more, weather, disk / "job")

    assert during == before
    assert statuses(out) == ["ok", "ok", "ok"]
    assert billed(weather) == [1, 1, 1]
