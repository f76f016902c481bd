"""Whatever becomes of a whole job, the key is in no file, log, repr, pickle, exception or traceback of it."""

import logging
import pickle
import socketserver
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any

import pandas as pd
import pytest

import dwbatch
from dwbatch.call import prepare
from dwbatch.engine.clock import Pace
from dwbatch.errors import DwbatchError
from dwbatch.given import read_options
from dwbatch.sending import Means
from tests.engine.weather import (
    CONTENT,
    CREATE,
    CUT,
    LOOK,
    LOST_AFTER,
    LOST_BEFORE,
    UPLOAD,
    Fault,
    Weather,
    make_call,
    says,
    texts,
)
from tests.engine.world import StillClock

pytestmark = pytest.mark.promise

KEY = "sk-invented-0123456789-never-shown"
FRAME = texts("first", "second")

FAULTS = {
    "fair": Fault(),
    "unauthorised": says(401, f"Incorrect API key provided: {KEY}".encode()),
    "forbidden": says(403, f'{{"error":{{"message":"{KEY} may not"}}}}'.encode()),
    "a page": says(502, f"<html><title>Authorization: Bearer {KEY}</title></html>".encode()),
    "reset before": LOST_BEFORE,
    "reset after": LOST_AFTER,
    "cut": CUT,
    "nonsense": says(200, f'{{"object":"{KEY}"}}'.encode()),
    "redirect": says(307, Location="http://127.0.0.1:9/v1"),
}


def job(weather: Weather, folder: Path) -> BaseException | None:
    """A job, and what it ended with."""
    try:
        make_call(FRAME, weather, folder, api_key=KEY, timeout="2h", clock=StillClock())
    except DwbatchError as error:
        return error
    return None


def whole_text(error: BaseException) -> str:
    """All that a debugger or an error reporter prints: every chained traceback, with its local variables."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(told.format()) + repr(error) + str(vars(error))


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("name", [UPLOAD, CREATE, LOOK, CONTENT])
def test_no_fault_shows_the_key(
    weather: Weather, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, fault: Fault
) -> None:
    caplog.set_level(logging.DEBUG)
    weather.will(name, *[fault] * 40)

    error = job(weather, tmp_path / "job")

    files = [path.read_bytes() for path in (tmp_path / "job").rglob("*") if path.is_file()]
    assert len(files) > 1
    assert KEY.encode() not in b"".join(files)
    assert KEY not in caplog.text + capture_of(caplog)
    if error is not None:
        # Below the frame of this test, which knows the key.
        error.__traceback__ = below(error, "carry_out")
        assert KEY not in whole_text(error)
        assert KEY.encode() not in pickle.dumps(error)


def capture_of(caplog: pytest.LogCaptureFixture) -> str:
    """What a log record keeps beside its message."""
    return "".join(repr(vars(line)) for line in caplog.records)


def below(error: BaseException, name: str) -> TracebackType | None:
    """The traceback from the frame of that name on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_name != name:
        trace = trace.tb_next
    return trace


def test_what_a_job_works_with_does_not_show_the_key(weather: Weather, tmp_path: Path) -> None:
    given = {"model": "m", "base_url": weather.base_url, "api_key": KEY, "checkpoint": tmp_path / "job"}
    options = read_options(given, call="run")
    call = prepare(FRAME, "Say {text}", options)

    shown = repr((options, call, call.connection, Means(clock=StillClock(), pace=Pace())))

    assert KEY not in shown


class _Elsewhere(BaseHTTPRequestHandler):
    heard: list[str]

    def do_GET(self) -> None:
        self.heard.append(str(self.headers))
        self.send_error(404)

    do_POST = do_GET  # noqa: N815 - the name that http.server calls

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Another host, and what it hears."""
    heard: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("_Heard", (_Elsewhere,), {"heard": heard})) as listening:
        thread = Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{_port(listening)}", heard
        listening.shutdown()
        thread.join()


def _port(listening: socketserver.TCPServer) -> int:
    port: int = listening.server_address[1]
    return port


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", [UPLOAD, CREATE, LOOK, CONTENT])
def test_no_redirect_takes_the_key_to_another_host(
    weather: Weather, tmp_path: Path, elsewhere: tuple[str, list[str]], name: str, status: int
) -> None:
    address, heard = elsewhere
    weather.will(name, *[says(status, Location=f"{address}/v1/files")] * 3)

    job(weather, tmp_path / "job")

    assert heard == []


def test_a_proxy_of_the_environment_never_hears_of_a_job_on_this_machine(
    weather: Weather, tmp_path: Path, elsewhere: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, heard = elsewhere
    monkeypatch.setenv("http_proxy", address)
    monkeypatch.setenv("no_proxy", "")

    error = job(weather, tmp_path / "job")

    assert error is None
    assert heard == []


def test_a_netrc_never_takes_the_place_of_the_key(
    weather: Weather, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password elsewhere-secret\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    job(weather, tmp_path / "job")

    told = {called.headers["Authorization"] for called in weather.called}
    assert told == {f"Bearer {KEY}"}


def test_a_call_that_is_refused_does_not_show_the_key(weather: Weather) -> None:
    with pytest.raises(DwbatchError) as caught:
        dwbatch.run(FRAME, "{nowhere}", model="m", base_url=weather.base_url, api_key=KEY)

    assert KEY not in str(caught.value) + repr(caught.value)


def through_the_accessor(frame: pd.DataFrame, prompt: str, **options: Any) -> pd.DataFrame:
    answered: pd.DataFrame = frame.doubleword.run(prompt, **options)
    return answered


@pytest.mark.parametrize("door", [dwbatch.run, through_the_accessor])
def test_a_traceback_with_locals_does_not_show_the_key_from_the_door_on(
    weather: Weather, door: Callable[..., pd.DataFrame]
) -> None:
    with pytest.raises(DwbatchError) as caught:
        door(FRAME, "{nowhere}", model="m", base_url=weather.base_url, api_key=KEY)

    # Below the frame of this test, which knows the key.
    caught.value.__traceback__ = below(caught.value, "run")
    assert KEY not in whole_text(caught.value)
