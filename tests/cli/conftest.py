"""A folder, a server and the program, for the tests of this folder."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dwbatch.cli import main
from dwbatch.local import Server
from tests.cli.calling import Said

Tell = Callable[..., Said]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and an environment that nobody else has written in."""
    for name in ("DOUBLEWORD_API_KEY", "DOUBLEWORD_BASE_URL", "DWBATCH_HOME", "NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that echoes, and that the environment names."""
    assert here.is_dir()
    with Server() as running:
        monkeypatch.setenv("DOUBLEWORD_BASE_URL", running.base_url)
        monkeypatch.setenv("DOUBLEWORD_API_KEY", "sk-invented")
        yield running


@pytest.fixture
def tell(here: Path, capsys: pytest.CaptureFixture[str]) -> Tell:
    """Carries out a command line in this process."""
    assert here.is_dir()

    def told(*arguments: object) -> Said:
        capsys.readouterr()
        try:
            code = main([*map(str, arguments)])
        except SystemExit as left:
            code = int(left.code or 0)
        return Said(code, *capsys.readouterr())

    return told


@pytest.fixture
def _local(here: Path) -> Iterator[None]:
    """Ends the server that ``base_url="local"`` leaves running."""
    yield
    port_file = here / ".dwbatch" / "local" / "port.json"
    if port_file.exists():
        os.kill(json.loads(port_file.read_bytes())["pid"], signal.SIGTERM)
