"""A file goes up once: a lost reply is settled by its name, a cut-off upload is tried again, then halved."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from dwbatch.checkpoint.disk import Disk
from dwbatch.errors import ApiError, JobStoppedError, JobTimeoutError, NotAnApiError
from tests.engine.weather import (
    CLEAR,
    CREATE,
    FILES,
    LOST_AFTER,
    LOST_BEFORE,
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
from tests.engine.world import Crash, Effects, StillClock, run

pytestmark = pytest.mark.promise

HOUR_S = 3600.0
FRAME = texts("first", "second")
LONG_ENOUGH_TO_MEET_S = 0.3


class MeetingPlace(Disk):
    """Knows whether two request files were ever written at the same time."""

    def __init__(self) -> None:
        self.have_met = False
        self._barrier = threading.Barrier(2, timeout=LONG_ENOUGH_TO_MEET_S)

    def spill(self, path: Path, fill: Callable[[BinaryIO], None]) -> None:
        try:
            self._barrier.wait()
            self.have_met = True
        except threading.BrokenBarrierError:
            self._barrier.reset()
        super().spill(path, fill)


@pytest.mark.both_dialects
def test_an_upload_whose_reply_was_lost_is_adopted(weather: Weather, tmp_path: Path) -> None:
    weather.will(UPLOAD, LOST_AFTER)

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()[UPLOAD] == 1
    assert weather.calls()[FILES] == 1


def test_an_upload_of_another_size_is_not_adopted(weather: Weather, tmp_path: Path) -> None:
    weather.will(UPLOAD, LOST_AFTER)
    # Cut off on its way and stored all the same.
    weather.will(FILES, Fault(change=lambda body: body.replace(b'"bytes":', b'"bytes":1')))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()[UPLOAD] == 2


@pytest.mark.both_dialects
def test_an_upload_of_a_dead_process_is_adopted(weather: Weather, tmp_path: Path) -> None:
    effects = Effects()
    with pytest.raises(Crash):
        crash_after_upload(weather, tmp_path / "job", effects)

    out, _ = make_call(FRAME, weather, tmp_path / "job", name="dead")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()[UPLOAD] == 1


def crash_after_upload(weather: Weather, folder: Path, effects: Effects) -> None:
    happen = effects.happen

    def until_the_reply(what: str) -> None:
        if what == "reply to POST /v1/files":
            raise Crash(what)
        happen(what)

    effects.happen = until_the_reply  # type: ignore[method-assign] # dies at a name, not at a number
    run(
        FRAME, weather.server, effects,
        base_url=weather.base_url, checkpoint=folder, name="dead", max_requests_per_batch=50,
    )  # fmt: skip


def test_two_resets_in_mid_upload_halve_the_shard(weather: Weather, tmp_path: Path) -> None:
    weather.will(UPLOAD, LOST_BEFORE, LOST_BEFORE)

    out, _ = make_call(texts("a" * 600_000, "b" * 600_000), weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert [shard.requests for shard in shards_in(tmp_path / "job")] == [2, 1, 1]


def test_a_small_shard_is_not_cut_however_often_it_is_reset(weather: Weather, tmp_path: Path) -> None:
    weather.will(UPLOAD, *[LOST_BEFORE] * 9)

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert [shard.requests for shard in shards_in(tmp_path / "job")] == [2]


def test_resets_of_a_look_for_the_file_cut_nothing(weather: Weather, tmp_path: Path) -> None:
    weather.will(UPLOAD, LOST_BEFORE)
    # Four tries of each look.
    weather.will(FILES, *[LOST_BEFORE] * 8)

    out, _ = make_call(texts("a" * 600_000, "b" * 600_000), weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert [shard.requests for shard in shards_in(tmp_path / "job")] == [2]


TROUBLE = {
    "resets": LOST_BEFORE,
    "lost replies": LOST_AFTER,
    "503": says(503, b"down for maintenance"),
    "too many": says(429, b"Too many file uploads in progress. Please retry later.", Retry_After="60"),
    "a page of a proxy": says(502, b"<html>Bad gateway</html>", Content_Type="text/html"),
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
def test_an_upload_survives_hours_of_trouble_politely(
    weather: Weather, tmp_path: Path, trouble: Fault
) -> None:
    clock = StillClock()
    sent_at = weather_of(weather, clock, UPLOAD, trouble, hours=5)
    weather.always(FILES, trouble)

    out, _ = make_call(FRAME, weather, tmp_path / "job", clock=clock)

    assert clock.elapsed >= 5 * HOUR_S
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    # The first hour has the quick tries in it; from then on one in three to five minutes.
    assert all(sum(hour <= at / HOUR_S < hour + 1 for at in sent_at) <= 24 for hour in range(1, 5))


def weather_of(weather: Weather, clock: StillClock, name: str, fault: Fault, *, hours: float) -> list[float]:
    """So many hours of a fault, then none of any; when the calls came."""
    came_at: list[float] = []

    def hear() -> None:
        came_at.append(clock.elapsed)
        weather.always(name, fault if clock.elapsed < hours * HOUR_S else CLEAR)

    def pass_on() -> None:
        if clock.elapsed >= hours * HOUR_S:
            weather.clear()

    weather.on_call(name, hear)
    weather.on_call(FILES, pass_on)
    return came_at


def test_a_timeout_ends_the_tries(weather: Weather, tmp_path: Path) -> None:
    clock = StillClock()
    weather.always(UPLOAD, TROUBLE["503"])

    with pytest.raises(JobTimeoutError, match="shards not yet submitted: 1"):
        make_call(FRAME, weather, tmp_path / "job", clock=clock, timeout="2h")

    assert 2 * HOUR_S <= clock.elapsed < 2.1 * HOUR_S


def test_a_day_of_trouble_stops_the_call_with_a_sentence(weather: Weather, tmp_path: Path) -> None:
    clock = StillClock()
    weather.always(UPLOAD, TROUBLE["503"])

    with pytest.raises(JobStoppedError, match=r"Shard 1 \(2 requests\) could not be uploaded"):
        make_call(FRAME, weather, tmp_path / "job", clock=clock)
    weather.clear()
    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert 24 * HOUR_S <= clock.elapsed < 25 * HOUR_S
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


@pytest.mark.parametrize("status", [401, 402, 403, 422])
def test_a_definite_no_is_raised_at_once_and_the_same_call_goes_on(
    weather: Weather, tmp_path: Path, status: int
) -> None:
    weather.will(UPLOAD, says(status, b"no, and why"))
    with pytest.raises(ApiError, match="no, and why"):
        make_call(FRAME, weather, tmp_path / "job")
    tries = weather.calls()[UPLOAD]

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert tries == 1
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


def test_a_web_page_instead_of_the_api_is_raised(weather: Weather, tmp_path: Path) -> None:
    weather.always(FILES, says(200, b"<html>", Content_Type="text/html"))
    weather.will(UPLOAD, LOST_AFTER)

    with pytest.raises(NotAnApiError, match="a web page"):
        make_call(FRAME, weather, tmp_path / "job")

    assert weather.calls()[CREATE] == 0


def test_request_files_are_written_one_after_another(weather: Weather, tmp_path: Path) -> None:
    disk = MeetingPlace()

    out, _ = make_call(FRAME, weather, tmp_path / "job", disk=disk, workers=2, max_requests_per_batch=1)

    assert statuses(out) == ["ok", "ok"]
    assert not disk.have_met


def test_no_prompt_stays_on_disk_after_an_upload(weather: Weather, tmp_path: Path) -> None:
    weather.will(UPLOAD, says(401, b"no"))

    with pytest.raises(ApiError):
        make_call(texts("a very secret prompt"), weather, tmp_path / "job")

    kept = [path for path in (tmp_path / "job").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"very secret" in path.read_bytes()]
