"""The command line: what it prints, and the status with which it ends."""

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import dwbatch
from dwbatch.cli import COMMANDS, Command, main
from dwbatch.errors import CheckpointLockedError, InputError, JobTimeoutError, RowsFailedError


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a subcommand ``mine`` into the table, which runs a function of this module."""

    def add(name: str) -> None:
        monkeypatch.setitem(COMMANDS, "mine", Command("mine", f"{__name__}:{name}", "mine"))

    return add


def says_its_arguments(arguments: list[str]) -> int:
    sys.stdout.write(" ".join(arguments))
    return 7


def is_refused(_: list[str]) -> int:
    raise InputError.nothing_sent("The folder is full.")


def is_denied(_: list[str]) -> int:
    raise PermissionError(13, "Permission denied", "/somewhere")


def is_late(_: list[str]) -> int:
    raise JobTimeoutError("The time is over.")


def is_held(_: list[str]) -> int:
    raise CheckpointLockedError(Path("/job"), "another call holds it.")


def is_judged(_: list[str]) -> int:
    raise RowsFailedError(pd.DataFrame({"text": ["x"]}), {"http_400": 1})


def is_interrupted(_: list[str]) -> int:
    raise KeyboardInterrupt


def is_broken(_: list[str]) -> int:
    raise ZeroDivisionError


def says_it_in_japanese(_: list[str]) -> int:
    sys.stdout.write("答え")
    return 0


def test_a_subcommand_gets_what_follows_its_name_and_gives_the_status(
    command: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    command("says_its_arguments")

    status = main(["mine", "--port", "0", "--help", "x"])

    assert (status, capsys.readouterr().out) == (7, "--port 0 --help x")


@pytest.mark.parametrize(
    ("name", "code", "sentence"),
    [
        ("is_refused", 2, "The folder is full. Nothing was sent."),
        ("is_denied", 1, "[Errno 13] Permission denied: '/somewhere'"),
        ("is_late", 75, "The time is over."),
        ("is_held", 75, f"{str(Path('/job'))!r}: another call holds it."),
        ("is_judged", 3, "1 of 1 rows are not ok"),
    ],
)
def test_a_failure_is_one_line_on_stderr_and_a_status_of_its_kind(
    command: Callable[[str], None], capsys: pytest.CaptureFixture[str], name: str, code: int, sentence: str
) -> None:
    command(name)

    status = main(["mine"])

    assert status == code
    out, said = capsys.readouterr()
    assert out == ""
    assert said.startswith(f"dwbatch mine: {sentence}")
    assert said.count("\n") == 1


def test_a_fault_of_ours_keeps_its_traceback(command: Callable[[str], None]) -> None:
    command("is_broken")

    with pytest.raises(ZeroDivisionError):
        main(["mine"])


def test_an_interruption_is_status_130(command: Callable[[str], None]) -> None:
    command("is_interrupted")

    assert main(["mine"]) == 130


def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "chatterbot_corpus", None)
    for name in [name for name in sys.modules if name.startswith("dwbatch.demo")]:
        monkeypatch.delitem(sys.modules, name)

    status = main(["demo"])

    said = capsys.readouterr().err
    assert status == 1
    assert said.startswith("dwbatch demo: 'chatterbot_corpus' is not installed.")
    assert "pip install 'dwbatch[demo]'" in said


@pytest.mark.parametrize("argv", [[], ["nope"], ["--nope"]])
def test_wrong_usage_is_status_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(argv)

    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("usage: dwbatch ")


def test_the_version_is_the_package_s_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])

    assert (left.value.code, capsys.readouterr().out) == (0, f"dwbatch {dwbatch.__version__}\n")


def test_help_names_every_subcommand(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    said = capsys.readouterr().out
    assert [
        name for name, command in COMMANDS.items() if f"{name}  " in said and command.summary in said
    ] == [*COMMANDS]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_subcommand_has_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])

    assert left.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: dwbatch {name}")


def test_a_port_that_is_taken_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        status = main(["local", "--port", str(taken.getsockname()[1]), "--folder", str(tmp_path)])

    said = capsys.readouterr().err
    assert (status, said.count("\n")) == (1, 1)
    assert said.startswith("dwbatch local: [Errno ")


def test_help_waits_for_no_subcommand_s_imports() -> None:
    code = (
        "import sys; from dwbatch.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(sorted({'dwbatch.demo', 'dwbatch.local', 'dwbatch.cli.running', 'pyarrow.csv', 'yaml', 'uvicorn'} & set(sys.modules)))"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout.splitlines()[-1] == "[]"


def test_letters_that_the_terminal_does_not_know_become_question_marks(
    command: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    command("says_it_in_japanese")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))

    status = main(["mine"])

    assert (status, written.getvalue()) == (0, b"??")


def test_a_reader_who_leaves_early_sees_no_traceback() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)

    with os.fdopen(write_end, "w") as stdout:
        ended = subprocess.run(
            [sys.executable, "-m", "dwbatch", "demo"], stdout=stdout, stderr=subprocess.PIPE, check=False
        )

    assert (ended.returncode, ended.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no interrupt to one process alone")
def test_a_server_of_its_own_says_where_it_is_and_ends_with_an_interrupt(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "dwbatch", "local", "--port", "0", "--folder", str(tmp_path)]

    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        said = server.stdout.readline()
        server.send_signal(signal.SIGINT)

    assert said.startswith("Serving http://127.0.0.1:")
    assert server.returncode == 0
