"""An unclear purchase is settled by looking, and bought again only when nothing can turn up any more."""

import json
from pathlib import Path

import pytest

from dwbatch.errors import ApiError, JobStoppedError
from tests.engine.weather import (
    CLEAR,
    CREATE,
    LIST,
    LOOK,
    LOST_AFTER,
    LOST_BEFORE,
    Called,
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

FRAME = texts("first", "second")


def emptied(body: bytes) -> bytes:
    """A list in which nothing is found."""
    return json.dumps({**json.loads(body), "data": [], "has_more": False}).encode()


NOTHING_YET = Fault(change=emptied)


@pytest.mark.both_dialects
def test_a_batch_that_the_list_shows_late_is_adopted(weather: Weather, tmp_path: Path) -> None:
    weather.will(CREATE, LOST_AFTER)
    # The first look is at the account, before anything is bought.
    weather.will(LIST, *[NOTHING_YET] * 5)

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()[CREATE] == 1


def test_nothing_is_bought_again_within_the_grace(weather: Weather, tmp_path: Path) -> None:
    weather.will(CREATE, LOST_BEFORE)

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    looks = [called.name for called in weather.called if called.name in {LIST, CREATE}]
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    # One look at the account, one POST, looks for a minute, and the second POST only after all of them.
    assert looks[:2] == [LIST, CREATE]
    assert looks[-1] == CREATE
    assert looks.count(LIST) >= 4
    assert looks.count(CREATE) == 2


@pytest.mark.both_dialects
def test_a_batch_created_and_answered_with_500_is_adopted(weather: Weather, tmp_path: Path) -> None:
    weather.will(CREATE, says(500, b"Internal server error", reaches=True))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()[CREATE] == 1


def test_three_lost_replies_leave_the_shard_submitting_with_a_sentence(
    weather: Weather, tmp_path: Path
) -> None:
    weather.will(CREATE, *[LOST_BEFORE] * 3)

    with pytest.raises(
        JobStoppedError, match=r"Shard 1 \(2 requests\): POST /batches ended unclearly 3 times"
    ):
        make_call(FRAME, weather, tmp_path / "job")

    assert [shard.state for shard in shards_in(tmp_path / "job")] == ["SUBMITTING"]
    assert weather.calls()[CREATE] == 3
    assert billed(weather) == []


@pytest.mark.both_dialects
def test_the_call_after_three_lost_replies_looks_first_and_buys_once(
    weather: Weather, tmp_path: Path
) -> None:
    weather.will(CREATE, LOST_BEFORE, LOST_BEFORE, LOST_AFTER)
    # As long as that call looks, the batch is not shown.
    weather.always(LIST, NOTHING_YET)
    with pytest.raises(JobStoppedError):
        make_call(FRAME, weather, tmp_path / "job")
    weather.clear()

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()[CREATE] == 3


def test_a_purchase_that_never_left_costs_no_grace(weather: Weather, tmp_path: Path) -> None:
    weather.will(CREATE, says(429, b"Insufficient capacity", Retry_After="60"))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert [shard.attempt for shard in shards_in(tmp_path / "job")] == [2]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 413, 422])
def test_a_definite_no_is_raised_and_the_same_call_goes_on(
    weather: Weather, tmp_path: Path, status: int
) -> None:
    weather.will(CREATE, says(status, b"no, and why"))
    with pytest.raises(ApiError, match="no, and why"):
        make_call(FRAME, weather, tmp_path / "job")
    states = [shard.state for shard in shards_in(tmp_path / "job")]

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert states == ["UPLOADED"]
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()["POST /files"] == 1


def test_a_purchase_survives_hours_of_trouble_and_is_made_once(weather: Weather, tmp_path: Path) -> None:
    clock = StillClock()
    down = says(503, b"down for maintenance")

    def hear() -> None:
        for name in (CREATE, LIST):
            weather.always(name, down if clock.elapsed < 5 * 3600 else CLEAR)

    for name in (CREATE, LIST):
        # The first list is the look at the account, before anything is bought.
        weather.will(name, *[CLEAR] * (name == LIST))
        weather.on_call(name, hear)

    out, _ = make_call(FRAME, weather, tmp_path / "job", clock=clock)

    assert clock.elapsed >= 5 * 3600
    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()[CREATE] == 2
    # Four quick tries of each look, and a look a minute.
    assert weather.calls()[LIST] < 5 * 60 * 4 * 2


def test_a_file_forgotten_in_hours_of_trouble_goes_up_again(weather: Weather, tmp_path: Path) -> None:
    weather.will(CREATE, says(429, b"Insufficient capacity"), says(404, b"File with ID f not found"))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


@pytest.mark.both_dialects
def test_a_file_that_the_server_forgot_goes_up_again(weather: Weather, tmp_path: Path) -> None:
    weather.will(CREATE, says(404, b"Input file not found"))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()["POST /files"] == 2


class Crowded:
    """A server that ignores ``search`` and lists 250 foreign batches around ours, in pages.

    Parameters
    ----------
    knows_cursors : bool
        Whether ``after`` means anything, or starts again at page one.
    """

    def __init__(self, *, ours_at: int, knows_cursors: bool) -> None:
        self.ours_at = ours_at
        self.knows_cursors = knows_cursors
        self.pages = 0

    def listed(self, body: bytes, called: Called) -> bytes:
        page = json.loads(body)
        whole = foreign(250, like=page["data"])
        whole[self.ours_at : self.ours_at] = page["data"]
        after = called.query.get("after")
        ids = [batch["id"] for batch in whole]
        start = ids.index(after) + 1 if after in ids and self.knows_cursors else 0
        limit = int(called.query["limit"])
        self.pages += 1
        shown = whole[start : start + limit]
        return json.dumps({**page, "data": shown, "has_more": start + limit < len(whole)}).encode()


def foreign(count: int, *, like: list[dict[str, object]]) -> list[dict[str, object]]:
    """Batches of somebody else, made at the same moment."""
    created = like[0]["created_at"] if like else 4_000_000_000
    return [
        {"object": "batch", "id": f"foreign-{number}", "status": "completed", "created_at": created}
        for number in range(count)
    ]


@pytest.mark.only_doubleword("pages go on after ids of nobody, which OpenAI refuses")
@pytest.mark.parametrize("ours_at", [0, 99, 100, 240])
def test_a_batch_is_found_on_any_page_where_search_is_ignored(
    weather: Weather, tmp_path: Path, ours_at: int
) -> None:
    weather.will(CREATE, LOST_AFTER)
    crowded = Crowded(ours_at=ours_at, knows_cursors=True)
    weather.always(LIST, Fault(rewrite=crowded.listed))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()[CREATE] == 1
    assert crowded.pages > 2


@pytest.mark.only_doubleword("pages go on after ids of nobody, which OpenAI refuses")
def test_a_list_that_starts_again_at_page_one_is_not_paged_for_ever(weather: Weather, tmp_path: Path) -> None:
    weather.will(CREATE, LOST_AFTER, LOST_BEFORE, LOST_BEFORE)
    crowded = Crowded(ours_at=240, knows_cursors=False)
    weather.always(LIST, Fault(rewrite=crowded.listed))

    with pytest.raises(JobStoppedError, match="ended unclearly"):
        make_call(FRAME, weather, tmp_path / "job")

    assert crowded.pages < 100
    assert weather.calls()[CREATE] == 3


def test_a_fresh_id_that_is_denied_once_is_not_lost(weather: Weather, tmp_path: Path) -> None:
    weather.will(LOOK, says(404, b"Batch not found"))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
