"""What the wheel must do where nothing but the wheel is: run by `.ci/wheel`, outside of the checkout."""

import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

import dwbatch
from dwbatch.local import Server


def main() -> None:
    """Two calls on a frame, one on a file, and the command; a failure is a traceback."""
    assert "site-packages" in dwbatch.__file__, dwbatch.__file__
    assert version("dwbatch") == dwbatch.__version__
    frame = pd.DataFrame({"text": ["lovely", None, "awful"]}, index=["a", "b", "c"])
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        options: dict[str, Any] = {"model": "m", "base_url": server.base_url, "progress": False}
        out = frame.doubleword.run("{text}?", checkpoint=f"{folder}/job", **options)
        assert out["response_status"].tolist() == ["ok", "skipped", "ok"]
        again = frame.doubleword.run("{text}?", checkpoint=f"{folder}/job", **options)
        pd.testing.assert_frame_equal(again, out)
        assert len(server.ledger()) == 2
        frame.to_parquet(f"{folder}/in.parquet")
        report = dwbatch.run_parquet(f"{folder}/in.parquet", f"{folder}/out.parquet", "{text}!", **options)
        assert (report.ok, report.codes) == (2, {"null_input": 1})
    assert (Path(dwbatch.__file__).parent / "py.typed").exists()
    skill = subprocess.run(
        [sys.executable, "-m", "dwbatch", "skill"], capture_output=True, text=True, check=True
    )
    assert "name: dwbatch" in skill.stdout
    told = {name: version(name) for name in ("pandas", "pyarrow", "numpy", "requests", "msgspec")}
    sys.stdout.write(f"The wheel works as installed, with {told}\n")


if __name__ == "__main__":
    main()
