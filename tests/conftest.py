"""What holds for every test."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import hypothesis
import pyarrow.fs as pafs
import pytest

from dwbatch.local import Server
from tests.stores import running_store

# No test asserts a time: on a busy machine the same example takes ten times as long, and so does drawing it.
# And where all examples share one folder, each of them is told to stand what the ones before have left there.
hypothesis.settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("untimed")

# A shell starts what runs in its background deaf to Ctrl-C, and so would be every process that a test
# starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the switch that makes every server of the tests speak another API."""
    parser.addoption(
        "--dialect",
        choices=["doubleword", "openai"],
        default="doubleword",
        help="the API that local servers speak; `pytest -m promise --dialect openai` keeps every promise in both",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let every server speak it that does not say its own."""
    _speak(config.getoption("--dialect"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run in both dialects, in every run, what is marked so."""
    if metafunc.definition.get_closest_marker("both_dialects"):
        spoken = metafunc.config.getoption("--dialect")
        dialects = ["doubleword", "openai"] if spoken == "doubleword" else [spoken]
        metafunc.parametrize("dialect", dialects, indirect=True, scope="module")


@pytest.fixture(scope="module", autouse=True)
def dialect(request: pytest.FixtureRequest) -> Iterator[Literal["doubleword", "openai"]]:
    """The API that servers speak meanwhile."""
    usual: Literal["doubleword", "openai"] = request.config.getoption("--dialect")
    spoken = getattr(request, "param", usual)
    _speak(spoken)
    yield spoken
    _speak(usual)


def _speak(dialect: str) -> None:
    # The default is changed and not a hundred calls: a promise knows nothing of dialects.
    defaults = Server.__init__.__kwdefaults__
    assert defaults is not None
    defaults["dialect"] = dialect


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what only one API can do, with its reason."""
    for mark in item.iter_markers("only_doubleword"):
        if item.config.getoption("--dialect") != "doubleword":
            pytest.skip(mark.args[0])


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
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


@pytest.fixture(scope="session")
def store() -> Iterator[pafs.S3FileSystem]:
    """An object store."""
    with running_store() as running:
        yield running


@pytest.fixture
def bucket(store: pafs.S3FileSystem, request: pytest.FixtureRequest) -> str:
    """A bucket that no other test has."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower())[:60].strip("-")
    store.create_dir(name)
    return name
