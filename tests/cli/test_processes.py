"""A command in a process of its own, as cron, nohup and pipes start it: the work is done, and nothing leaks."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dwbatch.local import Server
from tests.api.calling import Gate, batches
from tests.cli.calling import ASK, Said, argv, ended, environment, reviews

posix = pytest.mark.skipif(os.name == "nt", reason="signals and descriptors as POSIX has them")
KEY = "sk-invented-and-secret"
PROMPT, ANSWER = "lovely-and-private", "answered-in-private"
RUN = ("run", "in.parquet", "out.parquet", *ASK)


def command(server: Server, here: Path, *arguments: object, **options: Any) -> "subprocess.Popen[str]":
    more = options.pop("more", {})
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        options.pop("argv", argv(*arguments)),
        **{**pipes, "cwd": here, "env": environment(server, here, **more), "text": True, **options},
    )


def done(server: Server, here: Path, *arguments: object, **options: Any) -> Said:
    with command(server, here, *arguments, **options) as running:
        return ended(running)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reviews(tmp_path / "in.parquet", PROMPT, "other")
    return tmp_path


@posix
@pytest.mark.promise
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_a_signal_detaches_and_the_same_command_goes_on(
    folder: Path, sent: signal.Signals, code: int
) -> None:
    gate = Gate()
    with Server(answer=gate) as server:
        with command(server, folder, *RUN) as running:
            server.wait_until(lambda: bool(batches(server)))
            running.send_signal(sent)
            stopped = ended(running)
        gate.open()
        again = done(server, folder, *RUN, "--json")
        bought = len(batches(server))

    assert stopped.code == code
    assert "Interrupted. 1 batch runs on at the server. The same call goes on" in stopped.err
    assert f"`dwbatch cancel {folder / 'out.parquet.dwbatch'}` stops the spending" in stopped.err
    assert "Traceback" not in stopped.err
    assert (again.code, bought) == (0, 1)


@pytest.mark.promise
def test_a_log_is_json_and_holds_no_key_no_prompt_and_no_answer(folder: Path) -> None:
    with Server(answer=lambda _: ANSWER, keys=[KEY]) as server:
        said = done(server, folder, *RUN, "--log", "json", more={"DOUBLEWORD_API_KEY": KEY})
        wrong = done(server, folder, *RUN, "--set", "seed=1", "--if-exists", "replace", "--log", "json")

    lines = [json.loads(each) for each in said.err.splitlines()]
    assert said.code == 0, said.err
    assert {"time", "level", "logger", "message"} <= set(lines[0])
    assert any("bought" in each["message"] for each in lines)
    assert (wrong.code, wrong.err.splitlines()[-1].count('"ERROR"')) == (1, 1)
    for text in (said.out, said.err, wrong.out, wrong.err):
        assert not {secret for secret in (KEY, PROMPT, ANSWER) if secret in text}


@posix
@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_streams_cost_no_work(folder: Path, closed: str) -> None:
    with Server() as server:
        shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *argv(*RUN)]
        said = done(server, folder, argv=shell)

    assert said.code == 0, said.err
    assert pd.read_parquet(folder / "out.parquet")["response_status"].tolist() == ["ok", "ok"]


@posix
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_who_has_left_costs_no_work(folder: Path, stream: str) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)

    with Server() as server, os.fdopen(write_end, "w") as broken:
        said = done(server, folder, *RUN, **{stream: broken})

    assert said.code == 0, said.err
    assert "Traceback" not in (said.err or "") + (said.out or "")
    assert len(pd.read_parquet(folder / "out.parquet")) == 2


@posix
def test_nohup_and_an_environment_without_a_home_are_enough(folder: Path) -> None:
    with Server() as server:
        clean = {
            name: value
            for name, value in environment(server, folder).items()
            if name not in {"HOME", "USERPROFILE"}
        }
        said = done(server, folder, argv=["nohup", *argv(*RUN)], env=clean, stdin=subprocess.DEVNULL)

    assert said.code == 0, said.err


@posix
def test_a_source_that_may_only_be_read_is_enough(folder: Path, tmp_path: Path) -> None:
    source = tmp_path / "given"
    source.mkdir()
    pd.read_parquet(folder / "in.parquet").to_csv(source / "in.csv", index=False)
    (source / "in.csv").chmod(0o400)
    source.chmod(0o500)
    try:
        with Server() as server:
            said = done(server, folder, "run", source / "in.csv", folder / "out.parquet", *ASK)
    finally:
        source.chmod(0o700)

    assert said.code == 0, said.err
    assert [path.name for path in source.iterdir()] == ["in.csv"]


@posix
def test_somebody_without_a_name_or_a_home_may_run_it_on_a_source_that_is_not_theirs() -> None:
    nobody = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    importing = [*nobody, sys.executable, "-c", "import dwbatch"]
    if (
        shutil.which("setpriv") is None
        or subprocess.run(importing, capture_output=True, check=False).returncode
    ):
        pytest.skip("only root can become somebody else, and only where others may run this Python")

    # pytest's own folders are closed to anybody else.
    with tempfile.TemporaryDirectory() as place, Server() as server:
        Path(place).chmod(0o755)
        here, given = Path(place, "here"), Path(place, "given")
        for folder in (here, given):
            folder.mkdir()
        reviews(given / "in.parquet").chmod(0o444)
        given.chmod(0o555)
        os.chown(here, 54321, 54321)
        run = [*nobody, *argv("run", given / "in.parquet", here / "out.parquet", *ASK)]
        said = done(server, here, argv=run, more={"HOME": "/nonexistent"})
        again = done(server, here, argv=[*run, "--json"], more={"HOME": "/nonexistent"})
        rows = len(pd.read_parquet(here / "out.parquet")) if said.code == 0 else 0
        bought = len(batches(server))

    assert (said.code, rows) == (0, 2), said.err
    assert (again.code, bought) == (0, 1), again.err


def test_colour_is_for_terminals_alone(folder: Path) -> None:
    with Server() as server:
        said = done(server, folder, *RUN)

    assert "\x1b[" not in said.out


@posix
@pytest.mark.parametrize(
    ("more", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=["plain", "NO_COLOR"]
)
def test_no_color_is_obeyed_on_a_terminal(folder: Path, more: dict[str, str], *, is_coloured: bool) -> None:
    import pty  # noqa: PLC0415 - not there on Windows

    ours, theirs = pty.openpty()
    settings = {"TERM": "xterm", "COLUMNS": "80", **more}
    with Server() as server, os.fdopen(ours, "rb", buffering=0) as screen, os.fdopen(theirs, "w") as terminal:
        done(server, folder, *RUN, "--quiet", stdout=terminal)
        done(server, folder, "status", "out.parquet", stdout=terminal, more=settings)
        shown = screen.read(4096).decode()

    assert ("\x1b[" in shown) is is_coloured
    assert "done: everything is over and fetched" in shown
