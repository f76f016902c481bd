"""Where a victim is started and killed, and what must be true of the place afterwards."""

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import requests
from filelock import FileLock

from dwbatch.checkpoint.disk import PARTIAL
from dwbatch.local import Server
from tests.kills.faulty import KILL
from tests.kills.orders import REQUESTS, SHARDS, Orders

ROOT = Path(__file__).parents[2]
LONGEST_S = 120.0
KILLED = int(KILL) if os.name == "nt" else -int(KILL)
OURS = ("DOUBLEWORD_", "DWBATCH_")

LEDGER = "*/batches.parquet"
UPLOADED = ("reply to POST /files",) * SHARDS
BOUGHT = ("reply to POST /batches",) * SHARDS
POLLING = (*BOUGHT, f"renamed {LEDGER}", "ask GET /batches/*")


class Model:
    """A model that answers as soon as it may."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()

    def __call__(self, body: dict[str, Any]) -> str:
        self.may_answer.wait()
        said: str = body["messages"][-1]["content"]
        return said.upper()


@dataclass(frozen=True, slots=True)
class Scene:
    """A server, its model, and a folder for one job."""

    server: Server
    model: Model
    folder: Path

    def orders(self, **changed: Any) -> Orders:
        """The same call, always."""
        out = changed.pop("out", "out.parquet")
        return Orders(
            base_url=self.server.base_url,
            checkpoint=str(self.folder / "job"),
            out=str(self.folder / out),
            **changed,
        )

    def files(self) -> list[str]:
        """Names of what was uploaded and is kept."""
        return [file["filename"] for file in self._listed("/files", purpose="batch")]

    def statuses(self) -> list[str]:
        """Status of each batch that was bought, oldest first."""
        return [batch["status"] for batch in self._listed("/batches")][::-1]

    def _listed(self, path: str, **query: str) -> list[dict[str, Any]]:
        page = requests.get(f"{self.server.base_url}{path}", params={"limit": "100", **query}, timeout=60)
        listed: list[dict[str, Any]] = page.json()["data"]
        return listed


@contextmanager
def at(folder: Path, **options: Any) -> Iterator[Scene]:
    """A scene, cleared at the end."""
    model = Model()
    with Server(answer=model, **options) as server:
        try:
            yield Scene(server, model, folder)
        finally:
            model.may_answer.set()


@contextmanager
def started(orders: Orders) -> Iterator[subprocess.Popen[str]]:
    """A process that makes the call; none outlives the block."""
    home = str(orders.folder.parent)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.kills.victim", orders.written()],
        cwd=ROOT,
        env={**clean, "HOME": home, "USERPROFILE": home},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as victim:
        try:
            yield victim
        finally:
            victim.kill()


def hear(victim: subprocess.Popen[str], word: str) -> None:
    """Wait until a victim says so."""
    assert victim.stdout is not None
    for line in victim.stdout:
        if line.strip() == word:
            return
    raise AssertionError(f"the victim never said {word!r}: {last_words(victim)}")


def last_words(victim: subprocess.Popen[str]) -> str:
    """What a victim says on stderr until its end; one that pauses goes on."""
    _, said = victim.communicate(timeout=LONGEST_S)
    return said


def killed(orders: Orders) -> None:
    """Make a call that kills its own process."""
    with started(orders) as victim:
        said = last_words(victim)
    assert victim.returncode == KILLED, f"the victim ended with {victim.returncode}: {said}"
    assert "Traceback" not in said, f"the victim had time to complain: {said}"


def finished(orders: Orders) -> pd.DataFrame:
    """The frame of a call in a fresh process."""
    with started(orders) as fresh:
        return outcome(fresh, orders)


def outcome(running: subprocess.Popen[str], orders: Orders) -> pd.DataFrame:
    """The frame of a call that runs, once it has come to its end."""
    said = last_words(running)
    assert running.returncode == 0, said
    return pd.read_parquet(orders.out)


def shards(folder: Path) -> pd.DataFrame:
    """What the checkpoint says, as anybody can read it."""
    path = folder / "batches.parquet"
    return pd.read_parquet(path) if path.exists() else pd.DataFrame({"state": [], "output_file_id": []})


def states(folder: Path) -> list[str]:
    """How far the shards are."""
    found: list[str] = shards(folder)["state"].tolist()
    return found


def fetched_files(folder: Path) -> set[str]:
    """Paths of the result files that were read to their end, and that hold something."""
    table = shards(folder)
    ids = table.loc[table["state"] == "FETCHED", "output_file_id"]
    return {f"/v1/files/{file_id}/content" for file_id in ids}


def check_bought_once(scene: Scene, *, batches: int = SHARDS) -> None:
    """Each request was billed once, each file sent once, each batch bought once."""
    billed = Counter(bill.custom_id for bill in scene.server.ledger())
    assert sorted(billed.values()) == [1] * REQUESTS
    assert len(scene.files()) == len(scene.statuses()) == batches


def check_tidy(folder: Path) -> None:
    """No file half written, no request file, no lock is left."""
    left = [path for path in folder.rglob("*") if path.name.endswith((PARTIAL, ".jsonl"))]
    assert left == []
    with FileLock(folder / "lock", timeout=0):
        assert not (folder / "lock.json").exists()
