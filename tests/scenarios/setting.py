"""Where the scenarios play: a server in fine and in foul weather, and the real text that they are about."""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pandas as pd
import pytest
import requests
from requests.adapters import HTTPAdapter

from dwbatch.demo.corpus import read_corpus
from dwbatch.local import Outcome, Server
from tests.engine.world import Crash

ONE_IN = 20
Answer = Callable[[dict[str, Any]], Any]


def asked(body: Mapping[str, Any]) -> str:
    """What the user said last."""
    said: str = body["messages"][-1]["content"]
    return said


def number(text: object, below: int) -> int:
    """A number that is the same for the same text, everywhere."""
    return zlib.crc32(str(text).encode()) % below


def is_doomed(body: Mapping[str, Any]) -> bool:
    """Whether the model refuses this request in foul weather: one in twenty."""
    return number(json.dumps(body, sort_keys=True), ONE_IN) == 0


class Stage:
    """A server whose model is the scenario's, in fine weather or in foul.

    Parameters
    ----------
    server : Server
    is_foul : bool
        Whether one request in twenty fails for good, calls run into bursts of 503, and the process of each
        one dies at its first purchase.
    """

    def __init__(self, server: Server, *, is_foul: bool) -> None:
        self.server = server
        self.is_foul = is_foul

    def check(self, statuses: "pd.Series[Any]", *, besides: tuple[str, ...] = ()) -> None:
        """Some rows failed in foul weather, few, and none did in fine weather."""
        failed = int((statuses == "failed").sum())
        assert {*statuses} - {"ok", "failed", *besides} == set()
        assert (0 < failed < len(statuses) / 5) is self.is_foul
        assert self.is_foul or failed == 0

    def check_paid_once(self) -> None:
        """No request was billed twice."""
        billed = [bill.custom_id for bill in self.server.ledger()]
        assert len(billed) == len({*billed})


@contextmanager
def stage(answer: Answer, *, is_foul: bool) -> Iterator[Stage]:
    """A server, and in foul weather its faults."""

    def dooms(_: str, body: dict[str, Any]) -> Outcome | None:
        return Outcome.status(400, {"error": {"message": "I will not"}}) if is_doomed(body) else None

    with Server(answer=answer, outcomes=dooms if is_foul else None) as server:
        if is_foul:
            for path in ("/batches", "/files/*"):
                server.faults.reply("*", path, status=503, body="upstream connect error")
        yield Stage(server, is_foul=is_foul)


class _Killed(HTTPAdapter):
    """The process dies before it hears the reply to one of its purchases."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._left = at

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override] # passed on as it came
        response = super().send(request, **options)
        if request.method == "POST" and request.path_url.endswith("/batches") and response.status_code == 201:
            self._left -= 1
            if not self._left:
                raise Crash
        return response


def killed(act: Callable[..., object], *, at: int) -> None:
    """Do something in a process that dies at its purchase number `at`, before it hears of it."""
    session = requests.Session()
    session.mount("http://", _Killed(at))
    with pytest.raises(Crash):
        act(session=session)


def dying_first(call: Callable[..., object]) -> Callable[..., object]:
    """A call whose process dies before it hears of its first purchase; the user makes it once more."""

    def twice(self: object, *given: object, **options: object) -> object:
        if "session" not in options:
            session = requests.Session()
            session.mount("http://", _Killed(at=1))
            # A call that has nothing to buy has nothing to die of.
            with suppress(Crash):
                return call(self, *given, session=session, **options)
        return call(self, *given, **options)

    return twice


def questions(count: int, language: str = "english") -> pd.DataFrame:
    """Different questions of people, each with its topic."""
    corpus = read_corpus()
    chosen = corpus[corpus["language"] == language].drop_duplicates("question")
    return chosen.sample(count, random_state=7)
