"""How the tests of this folder call: one command, in this process or in one of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from dwbatch.local import Server

ASK = ("--model", "m", "--prompt", "say {text}", "--set", "poll_interval=0.02")


class Said(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


def reviews(path: Path, *texts: str | None, **columns: list[Any]) -> Path:
    """A table of a few texts."""
    frame = pd.DataFrame({"text": pd.Series(list(texts or ("lovely", "awful")), dtype="string"), **columns})
    frame.to_parquet(path, index=False)
    return path


def line(custom_id: object = "a", text: str = "hello", **changed: Any) -> str:
    """A line of a request file."""
    body = {"model": "m", "messages": [{"role": "user", "content": text}]}
    said = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body, **changed}
    return json.dumps({name: value for name, value in said.items() if value is not ...})


def environment(server: Server | None, folder: Path, **more: str) -> dict[str, str]:
    """That of a process which knows a server and a home, and nothing of whoever runs the tests."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("DOUBLEWORD_", "DWBATCH_"))
    }
    home = {"HOME": str(folder), "USERPROFILE": str(folder)}
    there = (
        {}
        if server is None
        else {"DOUBLEWORD_BASE_URL": server.base_url, "DOUBLEWORD_API_KEY": "sk-invented"}
    )
    return {**clean, **home, **there, **more}


def argv(*arguments: object) -> list[str]:
    """A command of its own process."""
    return [sys.executable, "-m", "dwbatch", *map(str, arguments)]


def ended(running: "subprocess.Popen[str]") -> Said:
    """How a process ended."""
    out, err = running.communicate(timeout=120)
    return Said(running.returncode, out, err)
