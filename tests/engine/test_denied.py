"""A batch that the server does not show is looked for with patience; of several with one mark the oldest counts."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.engine.test_submit import FRAME, NOTHING_YET
from tests.engine.weather import (
    CLEAR,
    CREATE,
    LIST,
    LOOK,
    LOST_AFTER,
    Fault,
    Weather,
    billed,
    make_call,
    says,
    shards_in,
    statuses,
)
from tests.engine.world import StillClock

pytestmark = pytest.mark.promise

DENIED = says(404, b"Batch with ID b not found")


def test_a_batch_that_neither_look_nor_list_shows_for_a_moment_is_not_lost(
    weather: Weather, tmp_path: Path
) -> None:
    weather.will(LOOK, DENIED, DENIED)
    # The first list is the look at the account.
    weather.will(LIST, CLEAR, NOTHING_YET, NOTHING_YET)

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()[CREATE] == 1


class Distant(HTTPAdapter):
    """Lets a server of this machine pass for one far away."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.place = urlsplit(base_url).netloc

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override] # passed on as it came
        request.url = urlunsplit(urlsplit(request.url or "")._replace(scheme="http", netloc=self.place))
        return super().send(request, **options)


def test_a_server_far_away_has_ten_minutes_to_show_a_batch(weather: Weather, tmp_path: Path) -> None:
    session, clock = requests.Session(), StillClock()
    session.mount("https://", Distant(weather.base_url))
    weather.always(LOOK, DENIED)
    weather.on_call(CREATE, lambda: weather.always(LIST, NOTHING_YET))

    out, _ = make_call(
        FRAME, weather, tmp_path / "job",
        clock=clock, session=session, base_url="https://far.example/v1", api_key="sk-of-a-test-and-nothing-else",
    )  # fmt: skip

    assert statuses(out) == ["missing", "missing"]
    assert set(out["response_error_code"]) == {"batch_gone"}
    assert clock.elapsed >= 600
    assert weather.calls()[CREATE] == 1


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_batches_with_one_mark_the_oldest_is_adopted(
    weather: Weather, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, is_first: bool
) -> None:
    def doubled(body: bytes) -> bytes:
        page = json.loads(body)
        younger = [
            {**batch, "id": "younger", "created_at": batch["created_at"] + 30} for batch in page["data"]
        ]
        both = younger + page["data"] if is_first else page["data"] + younger
        return json.dumps({**page, "data": both}).encode()

    weather.will(CREATE, LOST_AFTER)
    weather.always(LIST, Fault(change=doubled))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert [shard.batch_id != "younger" for shard in shards_in(tmp_path / "job")] == [True]
    assert billed(weather) == [1, 1]
    assert "2 batches carry its mark" in caplog.text
