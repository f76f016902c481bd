"""The help of every command ends with an example, and every example runs as it stands."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dwbatch.cli import COMMANDS
from dwbatch.local import Server
from tests.cli.calling import argv, environment, line, reviews
from tests.cli.conftest import Tell

EXAMPLE = re.compile(r"Example:\s+(.*)\Z", re.DOTALL)
# A server runs until it is told to end, and the demo has tests of its own.
FOR_EVER = {"local"}
HELPS = [
    *([name] for name in COMMANDS if name not in {"export", "demo", *FOR_EVER}),
    ["export", "requests"],
    ["export", "results"],
]


def examples(tell: Tell, *command: str) -> list[str]:
    shown = tell(*command, "--help")
    found = EXAMPLE.search(shown.out)
    assert shown.code == 0
    assert found is not None, f"dwbatch {' '.join(command)} --help ends without an example"
    return [each.strip() for each in found[1].replace("\\\n", " ").strip().splitlines()]


@pytest.fixture
def stage(here: Path, server: Server, tell: Tell) -> Path:
    """What the examples are about: a table, a request file, and a job that is bought."""
    assert server.base_url
    reviews(here / "reviews.parquet")
    (here / "requests.jsonl").write_text(line(), encoding="utf-8")
    submit = examples(tell, "submit")[0]
    assert tell(*shlex.split(submit)[1:], "--quiet").code == 0
    return here


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize("command", HELPS, ids=" ".join)
def test_the_example_of_each_help_runs(tell: Tell, command: list[str]) -> None:
    found = examples(tell, *command)

    for example in found:
        said = tell(*shlex.split(example)[1:])
        assert example.startswith(f"dwbatch {' '.join(command)} ")
        assert said.code == 0, said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_of_a_help_is_wider_than_a_terminal(
    monkeypatch: pytest.MonkeyPatch, tell: Tell, command: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    lines = [*tell("--help").out.splitlines(), *tell(command, "--help").out.splitlines()]

    assert [each for each in lines if len(each) > 80] == []


@pytest.mark.parametrize("command", ["export", "demo", "local"])
def test_the_other_helps_end_with_an_example_too(tell: Tell, command: str) -> None:
    assert examples(tell, command)[0].startswith(f"dwbatch {command}")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no interrupt to one process alone")
def test_the_example_of_a_server_serves_until_it_is_interrupted(here: Path, tell: Tell) -> None:
    (example,) = examples(tell, "local")

    with subprocess.Popen(
        argv(*shlex.split(example)[1:]),
        cwd=here,
        env=environment(None, here),
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        assert serving.stdout is not None
        said = serving.stdout.readline()
        serving.send_signal(signal.SIGINT)

    assert said.startswith("Serving http://127.0.0.1:")
    assert serving.returncode == 0
