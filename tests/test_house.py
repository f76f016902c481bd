"""The house keeps its rules: which way the arrows run, where the doors are, what nothing is called."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .house import (
    HOUSE,
    SOURCES,
    Breaches,
    Source,
    arrows_that_run_upward,
    broad_excepts_without_a_reason,
    files_outside_checkpoint,
    forbidden_names,
    input_or_output_in_a_pure_room,
    sockets_outside_wire,
    strangers,
)

TESTS = Path(__file__).parent
MOST_LINES = 300

RULES = (
    arrows_that_run_upward,
    strangers,
    input_or_output_in_a_pure_room,
    sockets_outside_wire,
    files_outside_checkpoint,
    forbidden_names,
    broad_excepts_without_a_reason,
)


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_its_rules(rule: Callable[[Source], Breaches]) -> None:
    assert [breach for source in SOURCES for breach in rule(source)] == []


@pytest.mark.parametrize("folder", [HOUSE, TESTS], ids=["package", "tests"])
def test_no_file_is_longer_than_a_reader_takes_in(folder: Path) -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in folder.rglob("*.py")}

    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


@pytest.mark.parametrize(
    ("rule", "module", "text"),
    [
        (arrows_that_run_upward, "prompts.encode", "from dwbatch.engine.plan import x"),
        (arrows_that_run_upward, "prompts.encode", "def f():\n    import dwbatch.api"),
        (arrows_that_run_upward, "prompts.encode", "from dwbatch.answers import decode"),
        (arrows_that_run_upward, "api", "from dwbatch import run"),
        (arrows_that_run_upward, "engine.plan", "from . import states"),
        (arrows_that_run_upward, "attic", ""),
        (strangers, "local.app", "from dwbatch.errors import InputError"),
        (strangers, "connect", "from dwbatch.local import join"),
        (strangers, "engine.plan", "def f():\n    from dwbatch import local"),
        (input_or_output_in_a_pure_room, "prompts.values", "import os"),
        (input_or_output_in_a_pure_room, "answers.decode", "from pathlib import Path"),
        (input_or_output_in_a_pure_room, "answers.decode", "open('x')"),
        (sockets_outside_wire, "engine.plan", "import socket"),
        (sockets_outside_wire, "options", "import requests\nrequests.get('x')"),
        (sockets_outside_wire, "options", "import requests\ns = requests.Session()"),
        (sockets_outside_wire, "options", "from requests import get"),
        (files_outside_checkpoint, "engine.plan", "import tempfile"),
        (files_outside_checkpoint, "engine.plan", "import pyarrow.parquet as pq"),
        (files_outside_checkpoint, "wire.client", "path.open('rb')"),
        (files_outside_checkpoint, "job", "path.write_text('x')"),
        (forbidden_names, "engine.utils", ""),
        (forbidden_names, "job", "class Record: ..."),
        (forbidden_names, "job", "def send_record(): ..."),
        (forbidden_names, "job", "class JobManager: ..."),
        (forbidden_names, "job", "async def process_rows(): ..."),
        (forbidden_names, "job", "def send(*, chunk_size): ..."),
        (broad_excepts_without_a_reason, "job", "try:\n    x\nexcept:\n    pass"),
        (broad_excepts_without_a_reason, "job", "try:\n    x\nexcept (ValueError, Exception):\n    pass"),
        (broad_excepts_without_a_reason, "job", "try:\n    x\nexcept Exception:  # noqa: BLE001\n    pass"),
    ],
)
def test_a_breach_is_seen(rule: Callable[[Source], Breaches], module: str, text: str) -> None:
    assert len(list(rule(Source(module, text)))) == 1


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (
            "engine.plan",
            "import os.path\nfrom dwbatch.engine.states import x\nfrom dwbatch import __version__, errors",
        ),
        ("connect", "import requests\ndef f(s: requests.Session):\n    from dwbatch.local import join"),
        ("local.app", "import sqlite3, socket\nfrom dwbatch.local.store import Store"),
        ("wire.client", "line.open(call)"),
        ("job", "metadata = 1\ndef metadata_of(database): ..."),
        ("job", "try:\n    x\nexcept Exception:  # noqa: BLE001 - a plot must not stop a job\n    pass"),
        ("job", "try:\n    x\nexcept BaseException:\n    tidy()\n    raise"),
        ("engine.upload", "requests = table\nrequests.slice(1)"),
        ("local.process", ""),
        ("engine.runner", "def _record(): ...\ndef record_refused(): ..."),
        ("demo", "from dwbatch.local import Server"),
        ("job", "try:\n    x\n# whatever it is, the lock goes back\nexcept Exception:\n    pass"),
    ],
)
def test_what_is_allowed_is_let_through(module: str, text: str) -> None:
    assert [breach for rule in RULES for breach in rule(Source(module, text))] == []


def test_importing_the_package_loads_nothing_that_few_need() -> None:
    heavy = {"dask", "polars", "IPython", "matplotlib", "starlette", "uvicorn", "yaml", "dwbatch.local"}
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, dwbatch; print(*sys.modules, sep='\\n')"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert "dwbatch" in loaded
    assert heavy & {*loaded} == set()
