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
from filelock import FileLock

from dwbatch.checkpoint.disk import PARTIAL
from dwbatch.local import Server
from tests.kills.faulty import KILL
from tests.kills.orders import REQUESTS, SHARDS, Orders

ROOT = Path(__file__).parents[2]
LONGEST_S = 120.0
KILLED = int(KILL) if os.name == "nt" else -int(KILL)
OURS = ("DOUBLEWORD_", "DWBATCH_")


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
        return Orders(
            base_url=self.server.base_url,
            checkpoint=str(self.folder / "job"),
            out=str(self.folder / "out.parquet"),
            **changed,
        )

    def calls(self, method: str, path: str) -> int:
        """How often the server did such a thing."""
        return sum(seen[:2] == (method, f"/v1{path}") and seen[2] < 300 for seen in self.server.exchanges())


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
        stdin=subprocess.DEVNULL,
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
    _, said = victim.communicate(timeout=LONGEST_S)
    raise AssertionError(f"the victim ended with {victim.returncode} and never said {word!r}: {said}")


def killed(orders: Orders) -> None:
    """Make a call that kills its own process."""
    with started(orders) as victim:
        _, said = victim.communicate(timeout=LONGEST_S)
    assert victim.returncode == KILLED, f"the victim ended with {victim.returncode}: {said}"
    assert not said, f"the victim had a last word: {said}"


def finished(orders: Orders) -> pd.DataFrame:
    """The frame of a call in a fresh process."""
    with started(orders) as fresh:
        return outcome(fresh, orders)


def outcome(running: subprocess.Popen[str], orders: Orders) -> pd.DataFrame:
    """The frame of a call that runs, once it has come to its end."""
    _, said = running.communicate(timeout=LONGEST_S)
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


def check_bought_once(scene: Scene, *, requests: int = REQUESTS, shards: int = SHARDS) -> None:
    """Each request was billed once, each file sent once, each batch bought once."""
    billed = Counter(bill.custom_id for bill in scene.server.ledger())
    assert sorted(billed.values()) == [1] * requests
    assert scene.calls("POST", "/files") == shards
    assert scene.calls("POST", "/batches") == shards


def check_tidy(folder: Path) -> None:
    """No file half written, no request file, no lock is left."""
    left = [path for path in folder.rglob("*") if path.name.endswith((PARTIAL, ".jsonl"))]
    assert left == []
    with FileLock(folder / "lock", timeout=0):
        assert not (folder / "lock.json").exists()
