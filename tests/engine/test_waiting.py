"""A wait survives hours of anything, stays polite, and ends with a sentence where it is pointless."""

import itertools
import json
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NameResolutionError

from dwbatch.engine.clock import Pace
from dwbatch.errors import JobStoppedError, JobTimeoutError, TransportError
from dwbatch.outcome import Summary
from tests.engine.weather import (
    CONTENT,
    CREATE,
    LOOK,
    UPLOAD,
    Fault,
    Weather,
    billed,
    make_call,
    says,
    shards_in,
    statuses,
    texts,
)
from tests.engine.world import StillClock

pytestmark = pytest.mark.promise

HOUR_S = 3600.0
FRAME = texts("first", "second")


def shown(**changed: object) -> Fault:
    """The batch as it is, but for some fields."""
    return Fault(change=lambda body: json.dumps({**json.loads(body), **changed}).encode())


RUNS = shown(status="in_progress", request_counts={"total": 2, "completed": 1, "failed": 0})
DOWN = says(503, b"down for maintenance")


class Day:
    """Says what becomes of a look by the hour, and when the looks came."""

    def __init__(self, weather: Weather, clock: StillClock, by_hour: Callable[[float], Fault | None]) -> None:
        self.looks: list[float] = []
        self._clock, self._by_hour = clock, by_hour
        self._weather = weather
        weather.on_call(LOOK, self._look)

    def _look(self) -> None:
        self.looks.append(self._clock.elapsed)
        self._weather.always(LOOK, self._by_hour(self._clock.elapsed / HOUR_S) or Fault())

    @property
    def busiest_hour(self) -> int:
        return max(Counter(int(at / HOUR_S) for at in self.looks).values())


def a_long_day(hour: float) -> Fault | None:
    spells: list[tuple[float, Fault]] = [
        (1, shown(status="validating")),
        (3, RUNS),
        (5, DOWN),
        (6, shown(status="pausing_for_lunch")),
        (8, says(429, b"Insufficient capacity", Retry_After="60")),
        (10, says(502, b"<html><title>Bad gateway</title></html>", Content_Type="text/html")),
        (23, RUNS),
        (24, shown(status="finalizing")),
    ]
    return next((fault for until, fault in spells if hour < until), None)


def test_a_day_of_everything_ends_answered_and_polite(weather: Weather, tmp_path: Path) -> None:
    clock = StillClock()
    day = Day(weather, clock, a_long_day)

    out, _ = make_call(FRAME, weather, tmp_path / "job", clock=clock, poll_interval="10 min")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert clock.elapsed >= 24 * HOUR_S
    # Four tries within seconds at each look while the server is down.
    assert day.busiest_hour <= 4 * 7


def test_polling_begins_quickly_and_slows_down(weather: Weather, tmp_path: Path) -> None:
    clock = StillClock()
    day = Day(weather, clock, lambda hour: RUNS if hour < 1.5 else None)

    make_call(FRAME, weather, tmp_path / "job", clock=clock)

    gaps = [later - earlier for earlier, later in itertools.pairwise(day.looks)]
    assert gaps[0] < 2
    assert max(gaps) <= 45 * 1.2
    assert day.busiest_hour < 200


def test_two_clients_do_not_ask_in_step(weather: Weather, tmp_path: Path) -> None:
    days = []
    for name in ("one", "other"):
        clock = StillClock()
        days.append(Day(weather, clock, lambda hour: RUNS if hour < 0.2 else None))
        make_call(FRAME, weather, tmp_path / name, clock=clock, edition=name)

    assert days[0].looks[1:20] != days[1].looks[1:20]


def test_an_interval_of_the_users_own_is_kept(weather: Weather, tmp_path: Path) -> None:
    clock = StillClock()
    day = Day(weather, clock, lambda hour: RUNS if hour < 1 else None)

    make_call(FRAME, weather, tmp_path / "job", clock=clock, poll_interval=300)

    assert {round(later - earlier) for earlier, later in itertools.pairwise(day.looks)} == {300}


def test_a_laptop_that_slept_goes_on(weather: Weather, tmp_path: Path) -> None:
    clock = StillClock()

    def sleep() -> None:
        clock.elapsed += 30 * HOUR_S

    clock.meanwhile = sleep
    Day(weather, clock, lambda hour: RUNS if hour < 100 else None)

    out, _ = make_call(FRAME, weather, tmp_path / "job", clock=clock)

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


def test_an_overdue_batch_is_waited_for_and_the_line_says_since_when(
    weather: Weather, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = StillClock()
    Day(weather, clock, lambda hour: RUNS if hour < 26 else None)

    out, _ = make_call(FRAME, weather, tmp_path / "job", clock=clock, progress=True, poll_interval="1h")

    assert statuses(out) == ["ok", "ok"]
    assert "is overdue since" in capsys.readouterr().err
    assert weather.calls()[CREATE] == 1


def test_a_batch_that_stays_cancelling_is_over_after_ten_minutes(weather: Weather, tmp_path: Path) -> None:
    clock = StillClock()
    since = clock.now().timestamp()
    stuck = shown(status="cancelling", cancelling_at=since, in_progress_at=None)
    weather.always(LOOK, stuck)
    weather.always(CONTENT, Fault(change=lambda _: b""))

    out, _ = make_call(FRAME, weather, tmp_path / "job", clock=clock)

    assert statuses(out) == ["cancelled", "cancelled"]
    assert clock.elapsed > 600


def test_a_batch_that_is_being_cancelled_while_it_runs_is_waited_for(
    weather: Weather, tmp_path: Path
) -> None:
    clock = StillClock()
    since = clock.now().timestamp()
    busy = shown(status="cancelling", cancelling_at=since, in_progress_at=since)
    Day(weather, clock, lambda hour: busy if hour < 2 else None)

    out, _ = make_call(FRAME, weather, tmp_path / "job", clock=clock, poll_interval="10 min")

    assert statuses(out) == ["ok", "ok"]
    assert clock.elapsed >= 2 * HOUR_S


UNVERIFIED = json.dumps(
    {"error": "too_many", "message": "Unverified accounts are limited", "retry_after_seconds": 30}
).encode()


@pytest.mark.parametrize("name", [CREATE, UPLOAD, LOOK, CONTENT])
def test_a_429_that_never_clears_stops_with_its_sentence(weather: Weather, tmp_path: Path, name: str) -> None:
    clock = StillClock()
    weather.always(name, says(429, UNVERIFIED, Retry_After="60"))

    with pytest.raises(JobStoppedError, match="Unverified accounts are limited"):
        make_call(FRAME, weather, tmp_path / "job", clock=clock, timeout="2h")
    weather.clear()
    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert clock.elapsed < HOUR_S
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


@pytest.mark.parametrize("status", [401, 402, 403])
@pytest.mark.parametrize("name", [LOOK, CONTENT])
def test_a_cause_that_somebody_must_mend_stops_the_wait_resumably(
    weather: Weather, tmp_path: Path, name: str, status: int
) -> None:
    weather.always(name, says(status, b"no, and why"))

    with pytest.raises(JobStoppedError, match=r"no, and why.* make the same call again"):
        make_call(FRAME, weather, tmp_path / "job")
    asked = weather.calls()[name]
    weather.clear()
    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert asked <= 2
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()[CREATE] == 1


def test_a_timeout_leaves_the_batch_running_and_the_same_call_goes_on(
    weather: Weather, tmp_path: Path
) -> None:
    clock = StillClock()
    weather.always(LOOK, RUNS)

    with pytest.raises(JobTimeoutError, match="1 batch runs on at the server"):
        make_call(FRAME, weather, tmp_path / "job", clock=clock, timeout="8h", poll_interval="10 min")
    states = [shard.state for shard in shards_in(tmp_path / "job")]
    weather.clear()
    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert 8 * HOUR_S <= clock.elapsed < 8.1 * HOUR_S
    assert states == ["SUBMITTED"]
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


class Nameless(HTTPAdapter):
    """Finds no host of any name, so many times for each method and path."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self._left: Counter[str] = Counter()
        self._times = times

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override] # passed on as it came
        name = f"{request.method} {request.path_url.split('?')[0]}"
        self._left[name] += 1
        if self._left[name] <= self._times:
            unknown = NameResolutionError("host", HTTPConnection("host"), socket.gaierror("no such name"))
            raise requests.ConnectionError(MaxRetryError(HTTPConnectionPool("host"), "/", unknown))
        return super().send(request, **options)


def test_a_name_that_cannot_be_found_for_a_while_costs_no_grace(weather: Weather, tmp_path: Path) -> None:
    session = requests.Session()
    session.mount("http://", Nameless(2))
    clock = StillClock()

    # The look at the account comes first of all, and is not waited for.
    out, _ = until_it_goes(lambda: make_call(FRAME, weather, tmp_path / "job", clock=clock, session=session))

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert clock.elapsed < Pace().grace_s


def until_it_goes(call: Callable[[], tuple[pd.DataFrame, Summary]]) -> tuple[pd.DataFrame, Summary]:
    """The same call again and again, as a person would make it."""
    for _ in range(4):
        try:
            return call()
        except TransportError as error:
            said = error
    raise said
