"""A wait that ends before the job does, and a checkpoint that somebody else holds."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import dwbatch
from dwbatch import CheckpointLockedError, JobTimeoutError
from dwbatch.local import Server
from tests.api.calling import Gate, Run, at, posts, rows, texts
from tests.waiting import timed_out

HOLD = """
import sys
from pathlib import Path
from dwbatch.checkpoint.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


def test_a_timeout_says_that_the_job_runs_on_and_how_to_go_on(gate: Gate, tmp_path: Path) -> None:
    with Server(answer=gate) as server:
        said: list[str] = []

        def run_for(timeout_s: float) -> pd.DataFrame:
            said.append(f"{timeout_s}s")
            return at(server)(texts("one"), timeout=said[-1])

        _, error = timed_out(run_for)
        gate.open()

    assert str(error) == (
        f"timeout={said[-1]!r} is over. 1 batch runs on at the server. The same call goes on from here and buys nothing "
        f"twice; dwbatch.attach({str(tmp_path / 'job')!r}).cancel() stops the spending."
    )
    assert isinstance(error, TimeoutError)


def test_the_same_call_finishes_what_a_timeout_left(gate: Gate) -> None:
    with Server(answer=gate) as server:
        run = at(server)
        timed_out(lambda timeout: run(texts("one", "two"), timeout=timeout))
        before = posts(server)
        gate.open()

        out = run(texts("one", "two"))

        assert rows(out) == [("fine", "ok", None)] * 2
        assert posts(server) == before
        assert len(server.ledger()) == 2


def test_what_is_in_flight_is_not_bought_with_what_is_new(gate: Gate) -> None:
    with Server(answer=gate) as server:
        run = at(server)
        timed_out(lambda timeout: run(texts("one", "two"), timeout=timeout))
        gate.open()

        out = run(texts("two", "three"))

        assert out["response_status"].tolist() == ["ok", "ok"]
        assert len(server.ledger()) == 3


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the checkpoint."""
    (tmp_path / "job").mkdir()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "job")]
    environment = {**os.environ, "PYTHONPATH": str(Path(dwbatch.__file__).parents[1])}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_checkpoint_that_another_process_holds_is_refused_by_its_name(
    server: Server, run: Run, holder: "subprocess.Popen[str]"
) -> None:
    with pytest.raises(CheckpointLockedError) as caught:
        run(texts("one"), timeout=0.2)

    assert f"process {holder.pid} on {socket.gethostname()} (since 2" in str(caught.value)
    assert "is using this checkpoint and did not let go in time. Nothing was sent." in str(caught.value)
    assert server.exchanges() == []


def test_a_dead_holder_holds_nothing(run: Run, holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    holder.wait()

    assert run(texts("one"))["response_status"].tolist() == ["ok"]


def test_a_checkpoint_is_free_again_after_a_call_that_failed(gate: Gate) -> None:
    with Server(answer=gate) as server:
        for _ in range(2):
            with pytest.raises(JobTimeoutError):
                at(server)(texts("one"), timeout=0.3)
        gate.open()

        assert at(server)(texts("one"))["response_status"].tolist() == ["ok"]
        assert len(server.ledger()) == 1
