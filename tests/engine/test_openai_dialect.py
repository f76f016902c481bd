"""The promises that cost money, kept against OpenAI's dialect in every run; `--dialect openai` keeps them all."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from dwbatch.local import Outcome, Server
from tests.engine.test_crash_everywhere import FRAME, check, crash, uncrashed
from tests.engine.weather import (
    CONTENT,
    CREATE,
    LOOK,
    LOST_AFTER,
    UPLOAD,
    Weather,
    billed,
    make_call,
    statuses,
    weather_over,
)

pytestmark = pytest.mark.promise

# Every effect takes as long as in the other dialect, where each is tried; here every fourth is.
STRIDE = 4


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(dialect="openai") as running:
        yield running


@pytest.fixture
def weather(server: Server) -> Iterator[Weather]:
    with weather_over(server) as over:
        yield over


def test_a_crash_costs_nothing_and_loses_nothing_at_openais(server: Server, tmp_path: Path) -> None:
    expected, count = uncrashed(server, tmp_path / "uncrashed")

    for at in range(0, count, STRIDE):
        name = f"openai{at}"
        assert crash(server, tmp_path / name, name, at=at) is None
        check(server, tmp_path / name, name, expected)

    assert count > 80


@pytest.mark.parametrize("name", [UPLOAD, CREATE, LOOK, CONTENT])
def test_a_lost_reply_buys_nothing_twice_at_openais(weather: Weather, tmp_path: Path, name: str) -> None:
    weather.will(name, LOST_AFTER)

    out, _ = make_call(FRAME, weather, tmp_path / "job", max_requests_per_batch=1)

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


def test_a_row_that_fails_at_openais_says_why_and_costs_its_row_alone(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["good", "bad"]})

    def refuses(_: str, body: dict[str, object]) -> Outcome | None:
        return Outcome.status(400, {"error": {"message": "too long"}}) if "bad" in str(body) else None

    with Server(dialect="openai", outcomes=refuses) as server:
        out, _ = make_call(frame, server, tmp_path / "job", max_requests_per_batch=2)

    assert statuses(out) == ["ok", "failed"]
    assert out["response_error_code"].tolist()[1] == "http_400"
    assert "too long" in out["response_error"].tolist()[1]
