"""A call that is being stopped takes what is on its way, begins nothing more, and leaves no thread behind."""

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import pytest

from dwbatch.engine.clock import Pace
from dwbatch.errors import JobTimeoutError
from tests.engine.weather import (
    CONTENT,
    CREATE,
    LIST,
    LOOK,
    LOST_BEFORE,
    UPLOAD,
    Weather,
    billed,
    make_call,
    shards_in,
    statuses,
    texts,
)
from tests.engine.world import StillClock

pytestmark = pytest.mark.promise

T = TypeVar("T")

FRAME = texts("first", "second")


def interrupt(_: float) -> None:
    raise KeyboardInterrupt


class Hang:
    """A server that holds one kind of call back, and a clock that does something as soon as it does.

    Parameters
    ----------
    weather : Weather
    name : str
        The call.
    then : callable of float
        What happens in the main thread, told how long it would have waited.
    is_on_its_way : bool
        Whether the reply comes as soon as the engine waits for the last ones.
    skip : int
        Calls of that kind which pass before.
    """

    def __init__(
        self,
        weather: Weather,
        name: str,
        then: Callable[[float], None],
        *,
        is_on_its_way: bool = False,
        skip: int = 0,
    ) -> None:
        self.is_asked, self.may_answer = threading.Event(), threading.Event()
        self.clock = _HangingClock(self, then, is_on_its_way=is_on_its_way)
        self._to_pass = skip
        weather.on_call(name, self._hold)

    def _hold(self) -> None:
        self._to_pass -= 1
        if self._to_pass >= 0:
            return
        self.is_asked.set()
        self.may_answer.wait()


class _HangingClock(StillClock):
    def __init__(self, hang: Hang, then: Callable[[float], None], *, is_on_its_way: bool) -> None:
        super().__init__()
        self._hang, self._then, self._is_on_its_way = hang, then, is_on_its_way
        self._has_waited = False

    def wait_for(self, running: Collection[Future[T]], seconds: float) -> None:
        if self._hang.is_asked.is_set():
            self._then(seconds)
        elif running:
            # Either what runs comes to its end, or it is what hangs.
            while not self._hang.is_asked.wait(0.005) and not any(future.done() for future in running):
                pass
        else:
            super().wait_for(running, seconds)

    def wait_for_all(self, running: Collection[Future[T]], seconds: float) -> None:
        if self._is_on_its_way:
            self._hang.may_answer.set()
        elif not self._has_waited:
            seconds = 0.0
        self._has_waited = True
        super().wait_for_all(running, 10 * seconds)


def our_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("dwbatch-")]


def hanging(before: Collection[threading.Thread]) -> list[threading.Thread]:
    """Threads of ours, none of those before, that do not come to their end."""
    left = [thread for thread in our_threads() if thread not in before]
    for thread in left:
        thread.join(30.0)
    return [thread for thread in left if thread.is_alive()]


HANGING = [UPLOAD, CREATE, LOOK, CONTENT]


@pytest.mark.parametrize("name", HANGING)
def test_no_thread_outlives_a_call_that_is_interrupted(weather: Weather, tmp_path: Path, name: str) -> None:
    hang, before = Hang(weather, name, interrupt), our_threads()

    with pytest.raises(KeyboardInterrupt):
        make_call(FRAME, weather, tmp_path / "job", clock=hang.clock)
    left = hanging(before)
    hang.may_answer.set()
    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert left == []
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


@pytest.mark.parametrize("name", HANGING)
def test_a_timeout_ends_a_call_that_hangs(weather: Weather, tmp_path: Path, name: str) -> None:
    hang, before = Hang(weather, name, lambda seconds: pass_by(hang.clock, seconds)), our_threads()

    with pytest.raises(JobTimeoutError, match="timeout='8h' is over"):
        make_call(FRAME, weather, tmp_path / "job", clock=hang.clock, timeout="8h")
    left = hanging(before)
    hang.may_answer.set()
    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert left == []
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


def pass_by(clock: StillClock, seconds: float) -> None:
    clock.elapsed += seconds


@pytest.mark.parametrize(("name", "state"), [(UPLOAD, "UPLOADED"), (CREATE, "SUBMITTED")])
def test_a_reply_on_its_way_is_taken_in(weather: Weather, tmp_path: Path, name: str, state: str) -> None:
    hang = Hang(weather, name, interrupt, is_on_its_way=True)

    with pytest.raises(KeyboardInterrupt):
        make_call(FRAME, weather, tmp_path / "job", clock=hang.clock)

    assert [shard.state for shard in shards_in(tmp_path / "job")] == [state]


def test_nothing_is_bought_once_a_call_is_being_stopped(weather: Weather, tmp_path: Path) -> None:
    weather.will(CREATE, LOST_BEFORE)
    # The first list is the look at the account, the second one looks for the batch.
    hang = Hang(weather, LIST, interrupt, is_on_its_way=True, skip=1)

    with pytest.raises(KeyboardInterrupt):
        make_call(FRAME, weather, tmp_path / "job", clock=hang.clock, pace=Pace(grace_s=0.0))

    assert [shard.state for shard in shards_in(tmp_path / "job")] == ["SUBMITTING"]
    assert weather.calls()[CREATE] == 1


def test_no_other_batch_is_looked_at_once_a_call_is_being_stopped(weather: Weather, tmp_path: Path) -> None:
    hang = Hang(weather, LOOK, interrupt, is_on_its_way=True)

    with pytest.raises(KeyboardInterrupt):
        make_call(FRAME, weather, tmp_path / "job", clock=hang.clock, workers=1, max_requests_per_batch=1)

    assert weather.calls()[LOOK] == 1
    assert len(shards_in(tmp_path / "job")) == 2
