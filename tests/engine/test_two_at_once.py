"""Two calls on one checkpoint: one works, the other says for whom it waits; both have every answer, bought once."""

import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

import dwbatch
from dwbatch.checkpoint.lock import locked
from dwbatch.errors import CheckpointLockedError
from dwbatch.local import Server
from tests.engine.elsewhere import Model, Owner, ok, posts, run, said, texts

pytestmark = pytest.mark.promise

ROOT = Path(__file__).parents[2]


def start(
    server: Server, folder: Path, *values: str, most: int = 50, fork: bool = False
) -> subprocess.Popen[str]:
    """A call in a process of its own."""
    asked = {"folder": str(folder), "base_url": server.base_url, "values": values, "most": most, "fork": fork}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.engine.another", json.dumps(asked)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def line_of(stream: IO[str] | None, word: str) -> str:
    """The first line in which a word stands; empty if the stream ends before."""
    assert stream is not None
    return next((line for line in stream if word in line), "")


def told(process: subprocess.Popen[str]) -> list[list[list[object]]]:
    """What a process, and perhaps its child, printed in the end."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


def answers(*values: str) -> list[list[object]]:
    return [[answer, status] for answer, status, _ in ok(*values)]


class Heard(logging.Handler):
    """Sets an event when something is logged."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.event = threading.Event()
        self.sentence = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Take in a sentence."""
        self.sentence = record.getMessage()
        self.event.set()


@pytest.fixture
def heard() -> Iterator[Heard]:
    """What is said about the lock."""
    listener, logger = Heard(), logging.getLogger("dwbatch.checkpoint.lock")
    before = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    yield listener
    logger.removeHandler(listener)
    logger.setLevel(before)


def test_the_second_process_says_for_whom_it_waits_and_then_buys_nothing(
    server: Server, model: Model, tmp_path: Path
) -> None:
    first = start(server, tmp_path / "job", "a", "b")
    assert model.asked.wait(60)
    second = start(server, tmp_path / "job", "a", "b")

    sentence = line_of(second.stderr, "waiting for process")
    model.may_answer.set()

    expected = rf"waiting for process {first.pid} on {re.escape(socket.gethostname())} \(since 20\d\d-"
    assert re.search(expected, sentence)
    assert told(first) == told(second) == [answers("a", "b")]
    assert posts(server) == ["/files", "/batches"]


def test_the_second_thread_waits_and_reads_the_folder_again(
    server: Server, model: Model, heard: Heard, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run, texts("a"), server, tmp_path / "job")
        assert model.asked.wait(60)
        second = pool.submit(run, texts("a", "b"), server, tmp_path / "job")
        assert heard.event.wait(60)
        model.may_answer.set()

        assert said(first.result()) == ok("a")
        assert said(second.result()) == ok("a", "b")

    assert f"process {os.getpid()}" in heard.sentence
    assert len(server.ledger()) == 2


def test_a_call_that_may_not_wait_says_who_holds_the_checkpoint(server: Server, tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()

    with (
        locked(tmp_path / "job"),
        ThreadPoolExecutor(1) as pool,
        pytest.raises(CheckpointLockedError, match=f"process {os.getpid()} on .* Nothing was sent"),
    ):
        pool.submit(run, texts("a"), server, tmp_path / "job", timeout=0.01).result()

    assert server.exchanges() == []


def test_a_resting_job_blocks_nobody(server: Server, model: Model, tmp_path: Path) -> None:
    model.may_answer.set()
    run(texts("a"), server, tmp_path / "job")
    job = dwbatch.attach(tmp_path / "job")
    job.cancel()

    out = run(texts("a", "b"), server, tmp_path / "job", timeout=1000)

    assert said(out) == ok("a", "b")
    assert len(job.batches()) == 2


def test_a_lock_left_by_a_dead_process_is_none(
    server: Server, model: Model, heard: Heard, tmp_path: Path
) -> None:
    with start(server, tmp_path / "job", "a") as first:
        assert model.asked.wait(60)
        first.kill()
        first.communicate()
    assert (tmp_path / "job" / "lock.json").exists()

    out = run(texts("a"), server, tmp_path / "job", meanwhile=model.may_answer.set)

    assert said(out) == ok("a")
    assert not heard.event.is_set()
    assert posts(server) == ["/files", "/batches"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_after_the_import_makes_two_calls_that_share_their_answers(
    server: Server, model: Model, tmp_path: Path
) -> None:
    model.may_answer.set()

    both = told(start(server, tmp_path / "job", "a", "b", fork=True))

    assert both == [answers("a", "b")] * 2
    assert posts(server) == ["/files", "/batches"]


def test_a_cancel_reaches_the_process_that_works(tmp_path: Path) -> None:
    model = Model(lambda prompt: "slow" in prompt)
    with Server(answer=model) as server:
        owner = Owner(server)
        working = start(server, tmp_path / "job", "a", "b", "slow", "slower", most=2)
        server.wait_until(lambda: len(server.ledger()) == 2, timeout_s=60)
        assert model.asked.wait(60)

        dwbatch.attach(tmp_path / "job").cancel()
        (out,) = told(working)
        model.may_answer.set()

        assert out == [*answers("a", "b"), [None, "cancelled"], [None, "cancelled"]]
        assert owner.statuses() == ["completed", "cancelled"]
        assert len(server.ledger()) == 2
