"""``import dwbatch`` takes a moment: what a call needs is imported by the first call."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dwbatch

OF_A_CALL = {
    "requests": "nothing else sends anything",
    "urllib3": "likewise",
    "msgspec": "nothing else reads an answer",
    "pyarrow.parquet": "nothing else has a checkpoint",
    "filelock": "likewise",
    "tqdm": "nothing else shows how far it is",
}
OF_FEW_CALLS = {
    "jsonschema": "only answers that do not fit a format are looked at by it",
    "pyarrow.dataset": "only parquet jobs read datasets",
    "matplotlib": "only plot() draws",
    "IPython": "only a notebook shows cards",
    "dwbatch.local": "only base_url='local' starts the server",
    "dask": "only its users have frames of it",
    "polars": "only its users have frames of it",
    "asyncio": "nothing here is asynchronous but the local server",
}


def loaded_by(code: str) -> set[str]:
    """The modules that are there after some code and were not after `import pandas`."""
    script = f"import sys, pandas; before = {{*sys.modules}}; {code}; print(*({{*sys.modules}} - before))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {*told.stdout.split()}


def seen_by_type_checkers() -> dict[str, str]:
    """The names that the package imports for type checkers alone, and from where."""
    tree = ast.parse(Path(dwbatch.__file__).read_text(encoding="utf-8"))
    [block] = [
        each for each in tree.body if isinstance(each, ast.If) and ast.unparse(each.test) == "TYPE_CHECKING"
    ]
    imported = [each for each in block.body if isinstance(each, ast.ImportFrom)]
    return {alias.name: str(each.module) for each in imported for alias in each.names}


def test_importing_the_library_leaves_alone_what_a_call_needs() -> None:
    loaded = loaded_by("import dwbatch")

    assert loaded & {*OF_A_CALL, *OF_FEW_CALLS} == set()
    assert "dwbatch.accessor" in loaded


def test_the_first_call_leaves_alone_what_few_calls_need() -> None:
    loaded = loaded_by("import dwbatch; dwbatch.run, dwbatch.run_parquet, dwbatch.attach")

    # Older versions of filelock are asynchronous from the start.
    assert (loaded - loaded_by("import filelock")) & {*OF_FEW_CALLS} == set()
    assert loaded >= {*OF_A_CALL}


def test_a_name_is_loaded_from_where_type_checkers_see_it() -> None:
    assert seen_by_type_checkers() == dwbatch._HOMES
    assert loaded_by("import dwbatch; dwbatch.__all__, dir(dwbatch)") == loaded_by("import dwbatch")


def test_every_public_name_is_offered_before_it_is_loaded() -> None:
    script = "import dwbatch; print({*dwbatch.__all__} - {*dir(dwbatch)}, dwbatch.Job.__module__)"

    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert told == "set() dwbatch.job.job\n"


def test_a_misspelt_name_is_refused_as_by_any_module() -> None:
    with pytest.raises(AttributeError, match=r"module 'dwbatch' has no attribute 'rum'") as refused:
        _ = dwbatch.rum  # type: ignore[attr-defined] # what type checkers say is what happens

    assert refused.value.name == "rum"
