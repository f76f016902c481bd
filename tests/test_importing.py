"""``import dwbatch`` takes a moment: what few calls need is imported by those."""

import subprocess
import sys

SLOW = {
    "jsonschema": "only answers that do not fit a format are looked at by it",
    "pyarrow.dataset": "only parquet jobs read datasets",
    "matplotlib": "only plot() draws",
    "IPython": "only a notebook shows cards",
    "dwbatch.local": "only base_url='local' starts the server",
    "dask": "only its users have frames of it",
    "polars": "only its users have frames of it",
    "asyncio": "nothing here is asynchronous but the local server",
}


def test_importing_the_library_leaves_alone_what_few_calls_need() -> None:
    script = "import sys, pandas; before = {*sys.modules}; import dwbatch; print(*({*sys.modules} - before))"

    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert set(SLOW) & set(loaded.split()) == set()
    assert "dwbatch.api" in loaded.split()
