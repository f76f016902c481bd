"""A server and a folder for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dwbatch.local import Server


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A working directory, a home and an environment that nobody else has written in."""
    for name in ("DOUBLEWORD_API_KEY", "DOUBLEWORD_BASE_URL", "DWBATCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that echoes."""
    with Server() as running:
        yield running
