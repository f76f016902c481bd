"""What must survive is on the disk, and synced, before anything follows from it."""

import datetime as dt
import os
import sys
from pathlib import Path
from typing import get_type_hints

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from dwbatch.checkpoint.disk import PARTIAL
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard, State
from tests.engine.weather import Weather, make_call, texts

pytestmark = [
    pytest.mark.promise,
    pytest.mark.skipif(sys.platform == "win32", reason="a folder cannot be synced there, and need not be"),
]

FRAME = texts("first", "second")


class Trace:
    """Calls of the operating system and of the wire, in their order, by names.

    After the rename of ``batches.parquet`` stands the state that it now holds, as ``state SUBMITTING``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[str] = []

    def synced(self, descriptor: int) -> None:
        wanted = os.fstat(descriptor)
        inside = [self.folder, *self.folder.rglob("*")]
        path = next(path for path in inside if os.path.samestat(path.stat(), wanted))
        self.calls.append(f"fsync {self._name(path)}")

    def renamed(self, path: Path) -> None:
        self.calls.append(f"rename {self._name(path)}")
        if path.name == "batches.parquet":
            self.calls.append(f"state {Checkpoint(self.folder).shards()[0].state}")

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def place(self, call: str) -> int:
        """Where a call stands for the first time."""
        return self.calls.index(call)


class TracedAdapter(HTTPAdapter):
    def __init__(self, trace: Trace) -> None:
        super().__init__()
        self.trace = trace

    def send(self, request: requests.PreparedRequest, **options: object) -> requests.Response:  # type: ignore[override] # passed on as it came
        self.trace.calls.append(f"{request.method} {request.path_url.split('?')[0]}")
        return super().send(request, **options)  # type: ignore[arg-type] # the same


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Trace:
    found = Trace(tmp_path / "job")
    fsync, replace = os.fsync, os.replace

    def traced_fsync(descriptor: int) -> None:
        fsync(descriptor)
        found.synced(descriptor)

    def traced_replace(old: Path, new: Path) -> None:
        replace(old, new)
        found.renamed(Path(new))

    # The operating system's own calls, so that nothing of ours stands in for the disk.
    monkeypatch.setattr(os, "fsync", traced_fsync)
    monkeypatch.setattr(os, "replace", traced_replace)
    return found


@pytest.fixture
def calls(trace: Trace, weather: Weather) -> list[str]:
    """The trace of one call of one shard."""
    session = requests.Session()
    session.mount("http://", TracedAdapter(trace))
    make_call(FRAME, weather, trace.folder, session=session, workers=1)
    return trace.calls


def test_every_file_is_synced_before_its_rename_and_its_folder_after(calls: list[str]) -> None:
    renames = [place for place, call in enumerate(calls) if call.startswith("rename ")]

    assert len(renames) > 6
    for place in renames:
        name = calls[place].removeprefix("rename ")
        folder = name.rpartition("/")[0] or "."
        after = calls[place + 1 : place + 3]
        assert calls[place - 1] == f"fsync {name}{PARTIAL}"
        assert f"fsync {folder}" in after


ORDER = [
    ("fsync requests", "rename batches.parquet"),
    ("state PLANNED", "POST /v1/files"),
    ("POST /v1/files", "state UPLOADED"),
    ("state UPLOADED", "state SUBMITTING"),
    ("state SUBMITTING", "POST /v1/batches"),
    ("POST /v1/batches", "state SUBMITTED"),
    ("state SUBMITTED", "state ENDED"),
    ("state ENDED", "rename results/00001.parquet"),
    ("fsync results", "state FETCHED"),
]


@pytest.mark.parametrize(("earlier", "later"), ORDER, ids=str)
def test_effects_come_in_the_order_that_loses_nothing(calls: list[str], earlier: str, later: str) -> None:
    assert calls.index(earlier) < calls.index(later)


def test_the_intent_is_durable_before_the_purchase(calls: list[str]) -> None:
    posted = calls.index("POST /v1/batches")

    # The very last thing before the POST that touches the disk is the sync of the folder.
    before = [call for call in calls[:posted] if call.startswith(("fsync", "rename", "state"))]
    assert before[-4:] == [
        f"fsync batches.parquet{PARTIAL}",
        "rename batches.parquet",
        "state SUBMITTING",
        "fsync .",
    ]


def test_the_id_of_what_was_bought_is_durable_before_anything_else_is_asked(calls: list[str]) -> None:
    bought = calls.index("POST /v1/batches")

    assert calls[bought + 1 : bought + 5] == [
        f"fsync batches.parquet{PARTIAL}",
        "rename batches.parquet",
        "state SUBMITTED",
        "fsync .",
    ]


moments = st.none() | st.datetimes(
    dt.datetime(1970, 1, 2), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC)  # noqa: DTZ001 - the strategy puts UTC on them
)  # fmt: skip
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BY_TYPE = {
    int: st.integers(0, 2**62),
    str: words,
    State: st.sampled_from(State),
    str | None: st.none() | words,
    dt.datetime | None: moments,
}
shards = st.builds(Shard, **{name: BY_TYPE[kind] for name, kind in get_type_hints(Shard).items()})


@settings(max_examples=30)
@given(written=st.lists(shards, max_size=4, unique_by=lambda shard: shard.number))
def test_what_is_written_of_shards_is_what_is_read(
    tmp_path_factory: pytest.TempPathFactory, written: list[Shard]
) -> None:
    checkpoint = Checkpoint(tmp_path_factory.mktemp("job"))

    checkpoint.write_shards(written)

    assert checkpoint.shards() == sorted(written, key=lambda shard: shard.number)
