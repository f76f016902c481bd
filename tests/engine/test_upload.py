"""A file goes up once: a lost reply is settled by its name, a cut-off upload is tried again, then halved."""

from pathlib import Path

import pytest

from dwbatch.errors import ApiError, JobStoppedError, NotAnApiError
from tests.engine.weather import (
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
from tests.engine.world import Crash, Effects, run

pytestmark = pytest.mark.promise

FRAME = texts("first", "second")


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

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert [shard.requests for shard in shards_in(tmp_path / "job")] == [2, 1, 1]


def test_a_server_that_resets_every_upload_stops_the_call_with_a_sentence(
    weather: Weather, tmp_path: Path
) -> None:
    weather.always(UPLOAD, LOST_BEFORE)

    with pytest.raises(JobStoppedError, match=r"Shard \d \(1 requests\) could not be uploaded"):
        make_call(FRAME, weather, tmp_path / "job")
    weather.clear()
    out, _ = make_call(FRAME, weather, tmp_path / "job")

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


def test_no_prompt_stays_on_disk_after_an_upload(weather: Weather, tmp_path: Path) -> None:
    weather.will(UPLOAD, says(401, b"no"))

    with pytest.raises(ApiError):
        make_call(texts("a very secret prompt"), weather, tmp_path / "job")

    kept = [path for path in (tmp_path / "job").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"very secret" in path.read_bytes()]
