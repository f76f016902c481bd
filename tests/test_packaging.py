"""What is built is what is meant to be installed, and says nothing of the machine that built it."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import dwbatch

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and a source distribution, built without a network."""
    folder = tmp_path_factory.mktemp("built")
    argv = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        yield wheel


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_holds_the_package_whole_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    package = [path for path in (ROOT / "dwbatch").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    files = {path.relative_to(ROOT).as_posix() for path in package}

    assert "dwbatch/py.typed" in files
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == files


def test_the_version_is_said_once_and_agrees(metadata: Message, wheel: zipfile.ZipFile) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert "version" not in project
    assert metadata["Version"] == dwbatch.__version__
    assert wheel.filename is not None
    assert Path(wheel.filename).name == f"dwbatch-{dwbatch.__version__}-py3-none-any.whl"


def test_every_extra_that_a_message_or_the_readme_names_can_be_installed(metadata: Message) -> None:
    assert {"local", "demo", "test"} <= {*metadata.get_all("Provides-Extra", [])}


def test_the_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    name = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))

    assert wheel.read(name).decode().split() == ["[console_scripts]", "dwbatch", "=", "dwbatch.cli:main"]


def test_the_source_distribution_brings_its_tests_and_nothing_that_git_ignores(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as source:
        names = {Path(*Path(name).parts[1:]).as_posix() for name in source.getnames()}

    tops = {Path(name).parts[0] for name in names}
    assert "tests/test_packaging.py" in names
    assert tops <= {
        *("dwbatch", "tests", "notebooks", "README.md", "CHANGELOG.md", "LICENSE"),
        *(".ci", ".github", "pyproject.toml", "PKG-INFO", ".gitignore"),
    }
    # What its own tests read.
    assert {".ci/run", ".github/CONTRIBUTING.md", "notebooks/card.png", "dwbatch/SKILL.md"} <= names
    assert not [name for name in names if "__pycache__" in name]
