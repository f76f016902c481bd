"""Both type checkers see frames, jobs and plans, where nothing is Any; mypy reads `twins` with all the rest."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

TWINS = Path(__file__).with_name("twins.py")


@pytest.mark.skipif(
    importlib.util.find_spec("basedpyright") is None, reason="pyright is in a dependency group of its own"
)
@pytest.mark.parametrize(("before", "after", "errors"), [("", "", 0), ("dwbatch.Plan)", "int)", 2)])
def test_pyright_sees_the_types_of_the_public_calls(
    tmp_path: Path, before: str, after: str, errors: int
) -> None:
    text = TWINS.read_text(encoding="utf-8")
    (tmp_path / "twins.py").write_text(text.replace(before, after) if before else text, encoding="utf-8")
    argv = [sys.executable, "-m", "basedpyright", "--outputjson", "--level", "error"]

    said = subprocess.run(
        [*argv, "--pythonpath", sys.executable, "twins.py"], cwd=tmp_path, capture_output=True, check=False
    )

    assert json.loads(said.stdout)["summary"]["errorCount"] == errors, said.stdout.decode()
