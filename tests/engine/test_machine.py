"""Any order of edits, failures, crashes, lost folders and runs: each content is bought once, each row has its own."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
import requests
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from dwbatch.errors import DwbatchError
from dwbatch.local import Server
from dwbatch.local.outcomes import Outcome
from tests.engine.weather import (
    CONTENT,
    CREATE,
    CUT,
    LIST,
    LOOK,
    LOST_AFTER,
    LOST_BEFORE,
    UPLOAD,
    Fault,
    Weather,
    make_call,
    says,
)
from tests.engine.world import CountedAdapter, CountedDisk, Crash, Effects, StillClock, until_idle

pytestmark = pytest.mark.promise

# The fate of a row stands in its text: what the model says to it, at every try.
WORDS = ["ok1", "ok2", "ok3", "bad400", "busy503"]
FAULTS = [LOST_BEFORE, LOST_AFTER, CUT, says(503, b"down"), says(500, b"", reaches=True), says(429, b"slow")]
CALLS = [UPLOAD, CREATE, LIST, LOOK, CONTENT]


class World:
    """One server for all examples, whose model answers by the word in the prompt."""

    def __init__(self) -> None:
        self.server = Server(outcomes=self._outcome)

    @staticmethod
    def _outcome(_: str, body: dict[str, object]) -> Outcome | None:
        told = str(body["messages"])
        status = next((code for code in (400, 503) if str(code) in told), None)
        return None if status is None else Outcome.status(status)


class Job(RuleBasedStateMachine):
    """A person with a frame, a folder and a line that fails; `asked` is the model in plain words."""

    server: Server

    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="dwbatch-machine-"))
        self.weather = Weather(self.server)
        self.frame = pd.DataFrame({"text": ["ok1", "bad400"]}, index=[3, 3])
        self.out: pd.DataFrame | None = None
        self.calls = 0
        self.clock = StillClock(until_idle(self.server))

    @rule(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=5))
    def edit(self, words: list[str]) -> None:
        self.frame = pd.DataFrame({"text": words}, index=[len(word) for word in words])
        self.out = None

    @rule(name=st.sampled_from(CALLS), fault=st.sampled_from(FAULTS))
    def storm(self, name: str, fault: Fault) -> None:
        self.weather.will(name, fault)

    @rule(at=st.integers(0, 110))
    def run_and_crash(self, at: int) -> None:
        self._run(Effects(crash_before=at))

    @rule()
    def run_to_the_end(self) -> None:
        self._run(Effects())

    @rule()
    def lose_the_folder(self) -> None:
        # What was bought is found in the account by its marks.
        self.weather.clear()
        shutil.rmtree(self.home / "job", ignore_errors=True)

    def _run(self, effects: Effects) -> None:
        self.calls += 1
        session = requests.Session()
        session.mount("http://", CountedAdapter(effects))
        try:
            self.out, _ = make_call(
                self.frame, self.weather, self.home / "job",
                disk=CountedDisk(effects), clock=self.clock, session=session, dedupe=True, max_requests_per_batch=2, workers=1,
            )  # fmt: skip
        except (Crash, DwbatchError):
            self.out = None

    @invariant()
    def every_row_has_one_status_and_its_own_answer(self) -> None:
        if getattr(self, "out", None) is None or self.out is None:
            return
        assert list(self.out.index) == list(self.frame.index)
        for text, status, answer in self.out[["text", "response_status", "response"]].itertuples(index=False):
            expected = "failed" if text.startswith(("bad", "busy")) else "ok"
            assert status == expected
            assert (answer == f"echo: Say {text}") if status == "ok" else pd.isna(answer)

    @invariant()
    def each_content_is_billed_once(self) -> None:
        if not hasattr(self, "weather"):
            return
        bills = self.server.ledger()[self.weather.bills_before :]
        times = Counter((bill.body_sha256, bill.status_code) for bill in bills)
        for (_, status), count in times.items():
            # A busy row is asked for at most twice a call, any other row once in all.
            assert count <= (2 * self.calls if status == 503 else 1), times

    def teardown(self) -> None:
        if hasattr(self, "weather"):
            self.weather.close()
            shutil.rmtree(self.home, ignore_errors=True)


def drive(*, examples: int, steps: int) -> None:
    with World().server as server:
        machine = type("JobHere", (Job,), {"server": server})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_any_order_of_events_buys_once_and_moves_no_answer() -> None:
    drive(examples=6, steps=12)


@pytest.mark.slow
def test_any_long_order_of_events_buys_once_and_moves_no_answer() -> None:
    drive(examples=100, steps=30)
