"""How the tests of this folder call: at a server of their own, quickly, and without a word."""

import threading
from collections.abc import Mapping
from typing import Any, Protocol

import pandas as pd
import requests

import dwbatch
from dwbatch.call import prepare
from dwbatch.engine.clock import Pace
from dwbatch.frames import as_frame
from dwbatch.given import read_options
from dwbatch.local import Server
from dwbatch.options import Prompt
from dwbatch.sending import Means, carry_out

SAY = "say {text}"


class Run(Protocol):
    """`dwbatch.run` with most of its options said already."""

    def __call__(
        self, frame: "pd.DataFrame | pd.Series[Any]", prompt: Prompt | None = SAY, /, **options: Any
    ) -> pd.DataFrame:
        """Run a frame."""
        ...


def usual(server: Server) -> dict[str, Any]:
    """Options of a call that is over in a moment and leaves its folder in the working directory."""
    return {
        "model": "m",
        "base_url": server.base_url,
        "checkpoint": "job",
        "progress": False,
        "poll_interval": 0.02,
    }


def at(server: Server) -> Run:
    """`dwbatch.run` at a server."""

    def run(
        frame: "pd.DataFrame | pd.Series[Any]", prompt: Prompt | None = SAY, /, **options: Any
    ) -> pd.DataFrame:
        return dwbatch.run(frame, prompt, **{**usual(server), **options})

    return run


def run_hastily(server: Server, frame: pd.DataFrame, prompt: str = SAY, **options: Any) -> pd.DataFrame:
    """The same, but without the minute between two reads of a batch that owes lines."""
    given = read_options({**usual(server), **options}, call="run")
    out, _ = carry_out(
        prepare(as_frame(frame, call="run"), prompt, given), Means(pace=Pace(settle_s=0.0, grace_s=0.0))
    )
    return out


def texts(*values: object, **options: Any) -> pd.DataFrame:
    """A frame with the column ``text``."""
    return pd.DataFrame({"text": pd.Series(list(values), **options)})


def rows(frame: pd.DataFrame, output: str = "response") -> list[tuple[object, ...]]:
    """Answer, status and code of every row, missing values as None."""
    columns = [frame[name] for name in (output, f"{output}_status", f"{output}_error_code")]
    told = [column.astype(object).where(column.notna(), None) for column in columns]
    return list(zip(*told, strict=True))


def posts(server: Server) -> list[str]:
    """Paths of all that was sent, uploads and purchases, in order."""
    return [path.removeprefix("/v1") for method, path, _ in server.exchanges() if method == "POST"]


def batches(server: Server) -> list[Mapping[str, Any]]:
    """The batches that the server knows, oldest first."""
    shown: list[Mapping[str, Any]] = requests.get(f"{server.base_url}/batches", timeout=60).json()["data"]
    return shown[::-1]


def files(server: Server) -> list[Mapping[str, Any]]:
    """The files that were uploaded, oldest first."""
    query = {"purpose": "batch", "order": "asc"}
    shown: list[Mapping[str, Any]] = requests.get(
        f"{server.base_url}/files", params=query, timeout=60
    ).json()["data"]
    return shown


class Listener:
    """A model that says one thing and remembers what it was asked."""

    def __init__(self, says: str = "fine") -> None:
        self._says = says
        self._lock = threading.Lock()
        self._heard: list[dict[str, Any]] = []

    def __call__(self, body: dict[str, Any]) -> str:
        with self._lock:
            self._heard.append(body)
        return self._says

    @property
    def heard(self) -> list[dict[str, Any]]:
        """Every request body so far, as they came."""
        return list(self._heard)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """Every request body so far, by its messages."""
        return sorted(self._heard, key=lambda body: str(body["messages"]))

    @property
    def prompts(self) -> list[str]:
        """The last message of each, sorted."""
        return sorted(body["messages"][-1]["content"] for body in self._heard)


class Gate:
    """A model that answers nobody until it is opened."""

    def __init__(self) -> None:
        self._is_open = threading.Event()

    def __call__(self, _: dict[str, Any]) -> str:
        self._is_open.wait(60)
        return "fine"

    def open(self) -> None:
        """Answer everybody from now on."""
        self._is_open.set()
