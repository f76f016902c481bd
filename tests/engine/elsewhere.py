"""Calls from any folder with any key, the account as its owner sees it, and a model that waits to be let go."""

import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter

from dwbatch.call import prepare
from dwbatch.engine.clock import Pace
from dwbatch.errors import JobTimeoutError
from dwbatch.given import read_options
from dwbatch.local import Server
from dwbatch.outcome import Summary
from dwbatch.sending import Means, carry_out
from tests.engine.world import Crash, Effects, StillClock
from tests.engine.world import run as run_counted

MOST_LOOKS = 2000
RUNNING = {"validating", "in_progress", "finalizing"}


def texts(*values: str) -> pd.DataFrame:
    """A frame with one column of prompts."""
    return pd.DataFrame({"text": list(values)})


class Owner:
    """Somebody with a key, at the server by hand.

    Parameters
    ----------
    server : Server
    key : str
    """

    def __init__(self, server: Server, key: str = "sk-a") -> None:
        self._base_url = server.base_url
        self._headers = {"authorization": f"Bearer {key}"}

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """One call of the API; it must succeed."""
        reply = requests.request(
            method, f"{self._base_url}{path}", headers=self._headers, timeout=60, **options
        )
        reply.raise_for_status()
        return reply

    def batches(self) -> list[dict[str, Any]]:
        """The account's batches, oldest first, each looked at."""
        listed = self.call("GET", "/batches", params={"limit": 100}).json()["data"]
        return [self.call("GET", f"/batches/{batch['id']}").json() for batch in reversed(listed)]

    def statuses(self) -> list[str]:
        """Their statuses."""
        return [batch["status"] for batch in self.batches()]

    def cancel(self, batch: dict[str, Any]) -> None:
        """Cancel a batch."""
        self.call("POST", f"/batches/{batch['id']}/cancel")

    def buy_again(self, batch: dict[str, Any]) -> None:
        """Buy the same file once more, with the same marks."""
        ours = {name: value for name, value in batch["metadata"].items() if name.startswith("dwbatch")}
        order = {name: batch[name] for name in ("input_file_id", "endpoint", "completion_window")}
        self.call("POST", "/batches", json={**order, "metadata": ours})

    def until_idle(self) -> None:
        """Wait until no batch is under way."""
        for _ in range(MOST_LOOKS):
            if RUNNING.isdisjoint(self.statuses()):
                return
        raise AssertionError("A batch runs that nothing in this test will ever end.")


class Model:
    """A model that answers nothing until it is let go.

    Parameters
    ----------
    holds : callable of str
        Whether it waits before it answers this prompt.
    """

    def __init__(self, holds: Callable[[str], bool] = lambda _: True) -> None:
        self._holds = holds
        self.asked = threading.Event()
        self.may_answer = threading.Event()

    def __call__(self, body: dict[str, Any]) -> str:
        """The prompt again."""
        prompt: str = body["messages"][-1]["content"]
        if self._holds(prompt):
            self.asked.set()
            assert self.may_answer.wait(60)
        return f"echo: {prompt}"


Reply = tuple[int, bytes]


class Altered(HTTPAdapter):
    """A wire that alters a request before it goes, or its reply before it is read.

    Parameters
    ----------
    request : callable
        Changes the request.
    reply : callable of str, int, bytes
        Gives the status and body that arrive, from the path with its method, and those that were sent.
    """

    def __init__(
        self,
        request: Callable[[requests.PreparedRequest], None] = lambda _: None,
        reply: Callable[[str, int, bytes], Reply] = lambda _, status, body: (status, body),
    ) -> None:
        super().__init__()
        self._request = request
        self._reply = reply

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override] # passed on as it came
        self._request(request)
        response = super().send(request, **options)
        path = (request.path_url or "").partition("?")[0].removeprefix("/v1")
        status, body = self._reply(f"{request.method} {path}", response.status_code, response.content)
        framing = {"content-length", "transfer-encoding", "content-encoding"}
        headers = {name: value for name, value in response.headers.items() if name.lower() not in framing}
        raw = urllib3.HTTPResponse(io.BytesIO(body), headers, status, preload_content=False)
        return self.build_response(request, raw)


class CrashAt(Effects):
    """Crashes before an effect that is known by its name.

    Parameters
    ----------
    name : str
        How the effect's name begins.
    nth : int
        Which of those with this name, from 1.
    """

    def __init__(self, name: str, *, nth: int = 1) -> None:
        super().__init__()
        self._name = name
        self._nth = nth
        self._is_dead = False

    def happen(self, what: str) -> None:
        """Count an effect; from the crash on, none happens."""
        self._is_dead |= what.startswith(self._name) and self._seen() == self._nth - 1
        if self._is_dead:
            raise Crash(what)
        super().happen(what)

    def _seen(self) -> int:
        return sum(done.startswith(self._name) for done in self.trace)


def crash(
    frame: pd.DataFrame, server: Server, folder: Path, at: str, *, nth: int = 1, **options: Any
) -> None:
    """Such a call, whose process dies before an effect."""
    with pytest.raises(Crash):
        run_counted(frame, server, CrashAt(at, nth=nth), checkpoint=folder, model="m", **options)


def call(
    frame: pd.DataFrame,
    server: Server,
    folder: Path,
    *,
    prompt: str = "Say {text}",
    meanwhile: Callable[[], None] | None = None,
    wire: HTTPAdapter | None = None,
    clock: StillClock | None = None,
    **options: Any,
) -> tuple[pd.DataFrame, Summary]:
    """One call under a still clock.

    Parameters
    ----------
    frame, server, prompt
    folder : Path
        The checkpoint.
    meanwhile : callable, optional
        What happens whenever the call waits; by default the server comes to its end.
    wire : HTTPAdapter, optional
        What the call goes through.
    clock : StillClock, optional
        One that goes on from an earlier call.
    options
        As of `dwbatch.run`; one worker and one batch, unless they say otherwise.
    """
    session = requests.Session()
    if wire is not None:
        session.mount("http://", wire)
    owner = Owner(server, options.get("api_key", "sk-a"))
    given = {
        "model": "m",
        "base_url": server.base_url,
        "checkpoint": folder,
        "progress": False,
        "session": session,
        # By the still clock, so that a call which never ends fails its test.
        "timeout": 86_400,
        **options,
    }
    clock = clock or StillClock()
    clock.meanwhile = meanwhile or owner.until_idle
    means = Means(clock=clock, pace=Pace(), workers=1)
    return carry_out(prepare(frame, prompt, read_options(given, call="run")), means)


def run(frame: pd.DataFrame, server: Server, folder: Path, **options: Any) -> pd.DataFrame:
    """The frame of such a call."""
    return call(frame, server, folder, **options)[0]


def leave_running(server: Server, folder: Path, *values: str, **options: Any) -> None:
    """Buy a batch for each row and go away."""
    with pytest.raises(JobTimeoutError):
        run(
            texts(*values),
            server,
            folder,
            max_requests_per_batch=1,
            meanwhile=lambda: None,
            timeout=5,
            **options,
        )


def said(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    """Answer, status and code of every row, None where there is none."""
    columns = [frame[name] for name in ("response", "response_status", "response_error_code")]
    told = [column.astype(object).where(column.notna(), None) for column in columns]
    return list(zip(*told, strict=True))


def ok(*values: str) -> list[tuple[object, ...]]:
    """What `said` is for rows that are all answered."""
    return [(f"echo: Say {value}", "ok", None) for value in values]


def posts(server: Server) -> list[str]:
    """Paths of everything that was sent, in order."""
    return [path.removeprefix("/v1") for method, path, _ in server.exchanges() if method == "POST"]
