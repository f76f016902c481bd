"""A disk that is full or read-only at any write: a clear error, nothing lost, and the same call goes on."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pytest

from dwbatch.checkpoint.disk import Disk
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.errors import CheckpointError, DwbatchError
from tests.engine.weather import Weather, billed, make_call, shards_in, statuses, texts

pytestmark = pytest.mark.promise

FRAME = texts("first", "second")


class FullDisk(Disk):
    """A disk on which one write finds no room; half of what it wrote is there.

    Parameters
    ----------
    fails_at : int or None
        Number of that write, from 0.
    code : int
        What the operating system says.
    """

    def __init__(self, fails_at: int | None = None, code: int = errno.ENOSPC) -> None:
        self.fails_at = fails_at
        self.code = code
        self.writes = 0

    def write(self, path: Path, fill: Callable[[BinaryIO], None]) -> None:
        self._count(path)
        super().write(path, fill)

    def spill(self, path: Path, fill: Callable[[BinaryIO], None]) -> None:
        self._count(path)
        super().spill(path, fill)

    def _count(self, path: Path) -> None:
        self.writes += 1
        if self.writes - 1 == self.fails_at:
            path.write_bytes(b"half")
            raise OSError(self.code, os.strerror(self.code))


def call(weather: Weather, folder: Path, disk: Disk) -> pd.DataFrame:
    out, _ = make_call(FRAME, weather, folder, disk=disk, workers=1, max_requests_per_batch=1)
    return out


# The recipe, the plan, and the request file, the states and the results of two shards.
WRITES = 17
AT_EVERY_WRITE = [(at, errno.ENOSPC) for at in range(WRITES)]


@pytest.mark.parametrize(("fails_at", "code"), [*AT_EVERY_WRITE, (2, errno.EROFS), (4, errno.EIO)])
def test_a_failing_write_is_a_clear_error_and_the_same_call_goes_on(
    weather: Weather, tmp_path: Path, fails_at: int, code: int
) -> None:
    with pytest.raises(CheckpointError, match=os.strerror(code)) as caught:
        call(weather, tmp_path / "job", FullDisk(fails_at, code))
    before = shards_in(tmp_path / "job")

    out = call(weather, tmp_path / "job", Disk())

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert Path(caught.value.path).is_relative_to(tmp_path)
    assert [shard.token for shard in shards_in(tmp_path / "job")][: len(before)] == [
        shard.token for shard in before
    ]


def test_every_write_of_the_job_was_among_them(weather: Weather, tmp_path: Path) -> None:
    disk = FullDisk()

    call(weather, tmp_path / "job", disk)

    assert disk.writes == WRITES


def test_a_disk_that_stays_full_buys_nothing(weather: Weather, tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    for _ in range(3):
        with pytest.raises(DwbatchError):
            call(weather, tmp_path / "job", FullDisk(0))

    assert weather.calls() == {}


@pytest.mark.skipif(
    sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="the modes of a folder bind neither Windows nor root",
)
def test_a_read_only_folder_is_refused_before_anything_is_sent(weather: Weather, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)

    with pytest.raises(CheckpointError, match="Nothing was sent"):
        call(weather, folder, Disk())

    assert weather.calls() == {}


def test_a_file_where_the_folder_should_be_is_refused_and_kept(weather: Weather, tmp_path: Path) -> None:
    (tmp_path / "job").write_text("mine", encoding="utf-8")

    with pytest.raises(CheckpointError, match="Nothing was sent"):
        call(weather, tmp_path / "job", Disk())

    assert weather.calls() == {}
    assert (tmp_path / "job").read_text(encoding="utf-8") == "mine"


def test_what_was_fetched_before_the_disk_was_full_is_still_there(weather: Weather, tmp_path: Path) -> None:
    call(weather, tmp_path / "job", Disk())
    more = texts("first", "second", "third")

    with pytest.raises(CheckpointError):
        make_call(more, weather, tmp_path / "job", disk=FullDisk(0))
    kept = [Checkpoint(tmp_path / "job").results(number)["content"][0].as_py() for number in (1, 2)]
    out, _ = make_call(more, weather, tmp_path / "job")

    assert [len(text) > 0 for text in kept] == [True, True]
    assert statuses(out) == ["ok", "ok", "ok"]
    assert billed(weather) == [1, 1, 1]


SMALL_FILES = """
import resource, signal, sys
import pandas as pd, dwbatch
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
frame = pd.DataFrame({"text": ["first", "second"]})
dwbatch.run(frame, "Say {text}", model="echo", base_url=sys.argv[1], checkpoint=sys.argv[2], progress=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files there")
@pytest.mark.parametrize("most_bytes", [0, 1500])
def test_a_disk_that_the_operating_system_says_is_full_costs_nothing(
    weather: Weather, tmp_path: Path, most_bytes: int
) -> None:
    told = subprocess.run(
        [sys.executable, "-c", SMALL_FILES, weather.base_url, str(tmp_path / "job"), str(most_bytes)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert "CheckpointError" in told.stderr.strip().splitlines()[-1]
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
