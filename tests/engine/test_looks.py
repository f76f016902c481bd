"""When batches are looked at: a purchase puts nothing off, and a batch that is asked to wait waits alone."""

import itertools
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.engine.clock import Pace
from dwbatch.engine.looks import Looks
from dwbatch.local import Server
from tests.engine.test_waiting import HOUR_S, RUNS
from tests.engine.weather import (
    CREATE,
    LIST,
    LOOK,
    Called,
    Fault,
    Weather,
    billed,
    make_call,
    says,
    statuses,
    texts,
)
from tests.engine.world import StillClock

pytestmark = pytest.mark.promise


@given(gaps=st.lists(st.floats(0, 50), max_size=50))
def test_no_row_of_purchases_puts_the_next_look_off(gaps: list[float]) -> None:
    looks = Looks(Pace(), 0.0)
    looks.begin(0.0, is_first=True)
    first = looks.next

    for now in itertools.accumulate(gaps):
        looks.begin(now, is_first=False)

    assert looks.next <= first


def test_the_first_batch_is_not_looked_at_as_soon_as_it_is_bought() -> None:
    looks = Looks(Pace(), 0.0)

    looks.begin(5.0, is_first=True)

    assert looks.next > 5.0


def test_a_call_that_buys_for_a_while_looks_at_its_batches_meanwhile(
    weather: Weather, tmp_path: Path
) -> None:
    clock = StillClock()
    seen: list[str] = []

    def hear(name: str) -> Callable[[], None]:
        def note() -> None:
            seen.append(name)
            clock.elapsed += 0.5 if name == CREATE else 0.0

        return note

    for name in (CREATE, LOOK, LIST):
        weather.on_call(name, hear(name))

    out, _ = make_call(
        texts(*"abcdefghijkl"), weather, tmp_path / "job", clock=clock, max_requests_per_batch=1
    )

    bought = [place for place, name in enumerate(seen) if name == CREATE]
    assert statuses(out) == ["ok"] * 12
    assert {LOOK, LIST} & set(seen[bought[0] : bought[-1]])


class Split(Weather):
    """Gives each batch a fate of its own, by the order of the first looks."""

    def __init__(self, server: Server, clock: StillClock, *fates: Callable[[float], Fault | None]) -> None:
        super().__init__(server)
        self.looks: defaultdict[str, list[float]] = defaultdict(list)
        self._clock, self._fates = clock, fates

    def next(self, called: Called) -> Fault:
        fault = super().next(called)
        if called.name != LOOK:
            return fault
        self.looks[called.target].append(self._clock.elapsed)
        place = list(self.looks).index(called.target)
        return self._fates[place](self._clock.elapsed / HOUR_S) or fault

    def gaps(self) -> list[list[float]]:
        """Seconds between the looks at each batch."""
        return [[b - a for a, b in itertools.pairwise(looks)] for looks in self.looks.values()]


def test_a_batch_that_is_asked_to_wait_waits_and_the_others_do_not(
    shared_server: Server, tmp_path: Path
) -> None:
    clock = StillClock()
    weather = Split(
        shared_server,
        clock,
        lambda hour: says(429, b"slow down", Retry_After="300") if hour < 1 else None,
        lambda hour: RUNS if hour < 1 else None,
    )
    try:
        out, _ = make_call(
            texts("a", "b"), weather, tmp_path / "job", clock=clock, max_requests_per_batch=1, workers=1
        )
    finally:
        weather.close()

    asked, other = weather.gaps()
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert min(asked[:-1]) >= 300
    assert max(other) < 60
