"""The notebooks run from top to bottom in a clean kernel, and show what they were committed with."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks.running import NOTEBOOKS, execute, shown

SWITCH = "LOCAL = True  # False buys from Doubleword, with the key in DOUBLEWORD_API_KEY"
OF_THIS_RUN = re.compile(r"127\.0\.0\.1:(?!8000)\d|/tmp/|/root/|\\\\Users\\\\")
MOST_BYTES = 250_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_it_was_committed_with(path: Path, tmp_path: Path) -> None:
    committed = nbformat.read(path, as_version=4)

    run = execute(path, tmp_path)

    if run.metadata != committed.metadata:
        pytest.skip(
            f"ran without an error, on edition {run.metadata.corpus} of the corpus and not the same one"
        )
    assert shown(run) == shown(committed)
    assert [has_picture(cell) for cell in run.cells] == [has_picture(cell) for cell in committed.cells]


def has_picture(cell: Any) -> bool:
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", ()))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_one_switch_at_the_top_points_a_notebook_at_the_hosted_service(path: Path) -> None:
    codes = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]

    assert codes[0].splitlines()[0] == SWITCH
    assert not any("api_key" in code or "base_url=" in code for code in codes)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_nothing_of_the_machine_that_ran_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert OF_THIS_RUN.findall(text) == []
    assert len(text) < MOST_BYTES
    assert set(json.loads(text)["metadata"]) == {"kernelspec", "corpus"}


def test_the_notebooks_are_told_in_their_order() -> None:
    numbers = [path.name[:2] for path in NOTEBOOKS]

    assert numbers == [f"{number:02}" for number in range(1, len(numbers) + 1)]
    assert numbers
