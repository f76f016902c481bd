"""What a person reads on stderr: few lines while waiting, one sentence at the end, or nothing at all."""

import re
import threading
from pathlib import Path
from typing import Any

import pytest

from dwbatch import InputError
from dwbatch.local import Outcome, Server
from tests.api.calling import Run, at, run_hastily, texts


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def test_the_last_line_counts_rows_requests_savings_and_tokens(
    run: Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run(texts("one", "one", None, "three"), progress=True)

    assert last_line(capsys) == (
        "4 rows: 3 ok, 1 not ok (1 null_input); 2 requests sent; 1 saved by de-duplication, 0 by the checkpoint; "
        f"5 prompt and 8 completion tokens; checkpoint {tmp_path / 'job'}."
    )


def test_the_second_time_the_checkpoint_has_saved_all(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run(texts("one", "two"))

    run(texts("one", "two"), progress=True)

    assert (
        "2 rows: 2 ok, 0 not ok; 0 requests sent; 0 saved by de-duplication, 2 by the checkpoint;"
        in last_line(capsys)
    )


def test_rows_that_are_not_ok_are_counted_by_code(capsys: pytest.CaptureFixture[str]) -> None:
    def script(_: str, body: dict[str, Any]) -> Outcome | None:
        ends = {"bad": Outcome.status(400), "odd": Outcome.truncated()}
        return ends.get(body["messages"][0]["content"].split()[-1])

    with Server(outcomes=script) as server:
        run_hastily(server, texts("bad", "1 odd", "2 odd", None, None, None), progress=True)

    assert last_line(capsys).startswith("6 rows: 0 ok, 6 not ok (3 null_input, 2 max_tokens, 1 http_400);")


def test_a_temporary_checkpoint_is_not_named(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run(texts("one"), checkpoint=False, progress=True)

    assert last_line(capsys).endswith("completion tokens.")


def test_thousands_are_written_for_people(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run(texts(*map(str, range(1_200))), progress=True)

    assert last_line(capsys).startswith("1,200 rows: 1,200 ok, 0 not ok; 1,200 requests sent;")


def test_without_progress_nothing_is_printed(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    at(server)(texts("one", None, "two"), progress=False, max_requests_per_batch=1)

    assert tuple(capfd.readouterr()) == ("", "")


def test_nothing_goes_to_stdout(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run(texts("one"), progress=True)

    assert capsys.readouterr().out == ""


def test_a_log_gets_few_lines_however_often_the_server_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    never = threading.Event()

    def answer(_: dict[str, Any]) -> str:
        while len(server.exchanges()) < 60:
            never.wait(0.005)
        return "fine"

    with Server(answer=answer) as server:
        at(server)(texts(*"abc"), progress=True, poll_interval=0.001)

    lines = re.split(r"[\r\n]+", capsys.readouterr().err)
    # One at each answer and each change of state at most, not one at each of sixty looks.
    assert len(lines) < 12


def test_refused_input_prints_nothing(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError):
        run(texts("one"), "{txt}", progress=True)

    assert tuple(capsys.readouterr()) == ("", "")
