"""Runs the notebooks in clean kernels, and writes down what they show as every run would show it.

``python -m tests.notebooks.running`` runs them all and keeps their outputs; with names, only those.
"""

import os
import re
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LONGEST_CELL_S = 120
# The text that they are about: another edition of it has other rows.
CORPUS = version("chatterbot-corpus")

# A reader's settings would point a notebook elsewhere, and may hold a key.
SETTINGS = ("DOUBLEWORD_API_KEY", "DOUBLEWORD_BASE_URL", "DWBATCH_HOME")
# What differs from run to run, and what stands there instead.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?(?= UTC)")
PORT = re.compile(r"127\.0\.0\.1:\d+")
STOOD_STILL = "2026-01-02 03:04:05"


def execute(path: Path, folder: Path) -> Any:
    """A notebook as it looks after a run from top to bottom in an empty folder; the file is left alone."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.pop("outputs", None)
        cell.update({"outputs": [], "execution_count": None} if cell.cell_type == "code" else {})
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    client = NotebookClient(
        notebook,
        timeout=LONGEST_CELL_S,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=environment | {"IPYTHONDIR": str(folder / ".ipython"), "NO_COLOR": "1"})
    notebook.metadata = nbformat.from_dict({"kernelspec": notebook.metadata.kernelspec, "corpus": CORPUS})
    return steady(notebook, folder)


def steady(notebook: Any, folder: Path) -> Any:
    """A notebook without what differs from run to run: its folder, times and ports."""
    if isinstance(notebook, dict):
        for name in notebook:
            notebook[name] = steady(notebook[name], folder)
    elif isinstance(notebook, list):
        notebook[:] = [steady(each, folder) for each in notebook]
    elif isinstance(notebook, str):
        notebook = notebook.replace(str(folder.resolve()), "/home/you").replace(str(folder), "/home/you")
        notebook = MOMENT.sub(lambda found: STOOD_STILL[: len(found[0])], notebook)
        notebook = PORT.sub("127.0.0.1:8000", notebook)
    return notebook


def shown(notebook: Any) -> dict[str, list[str]]:
    """The lines that each cell shows, by the cell's id; pictures and cells tagged ``varies`` are left out."""
    return {
        cell.id: [line for output in cell.outputs for line in _lines(output)]
        for cell in notebook.cells
        if cell.cell_type == "code" and "varies" not in cell.metadata.get("tags", ())
    }


def _lines(output: Any) -> list[str]:
    text = str(output.get("text") or output.get("data", {}).get("text/plain", ""))
    # What an object or a dtype is called is for its own library to say, and differs with its version.
    return [line for line in text.splitlines() if not line.startswith("<") and "dtype: " not in line]


def main(names: list[str]) -> None:
    """Run notebooks and keep their outputs."""
    for path in NOTEBOOKS:
        if not names or path.stem in names:
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                notebook = execute(path, Path(folder))
            nbformat.write(notebook, path)


if __name__ == "__main__":
    main(sys.argv[1:])
