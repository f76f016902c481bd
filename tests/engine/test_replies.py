"""Whatever becomes of a reply, on whichever call, each shard is bought once and every row answered."""

import datetime as dt
from email.utils import format_datetime
from pathlib import Path

import pandas as pd
import pytest

from dwbatch.errors import DwbatchError
from dwbatch.outcome import Summary
from tests.engine.weather import (
    CONTENT,
    CREATE,
    CUT,
    FILES,
    LIST,
    LOOK,
    LOST_AFTER,
    LOST_BEFORE,
    UPLOAD,
    Fault,
    Weather,
    billed,
    make_call,
    says,
    statuses,
    texts,
)

pytestmark = pytest.mark.promise

FRAME = texts("first", "second")
HTML = b"<html><head><title>Bad gateway</title></head><body>cloud-edge 7</body></html>"
IN_AN_HOUR = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(hours=1), usegmt=True)

LOST = {"lost before": LOST_BEFORE, "lost after": LOST_AFTER, "cut": CUT}
REFUSED = {
    "408": says(408, b"timed out"),
    "425": says(425, b"too early"),
    "429 in seconds": says(429, b'{"error":"rate_limited","message":"Slow down."}', Retry_After="60"),
    "429 by date": says(429, b"Slow down.", Retry_After=IN_AN_HOUR),
    "429 absurd": says(429, b"Slow down.", Retry_After="99999999999"),
    "429 bare": says(429),
    "500 html": says(500, HTML, Content_Type="text/html"),
    "502 json": says(502, b'{"error":{"message":"upstream"}}', Content_Type="application/json"),
    "503 text": says(503, b"unavailable", Retry_After="30"),
    "504 empty": says(504),
    "521 page": says(521, HTML, Content_Type="text/html"),
    "530 page": says(530, HTML, Content_Type="text/html"),
}
ONCE_DONE = {
    "500 after": says(500, b"Internal server error", reaches=True),
    "504 after": says(504, HTML, reaches=True, Content_Type="text/html"),
    "nonsense after": says(201, b"{}", reaches=True, Content_Type="application/json"),
}
FAULTS = LOST | REFUSED | ONCE_DONE

# A call that only reads is repeated four times within seconds; the fifth failure reaches the engine.
CASES = [
    pytest.param(name, [fault] * times, id=f"{name}, {title}")
    for name, times in ((UPLOAD, 1), (CREATE, 1), (LOOK, 5), (CONTENT, 5))
    for title, fault in FAULTS.items()
    # A result file in which nothing can be read has tests of its own.
    if (name, title) != (CONTENT, "nonsense after")
]


def call_until_over(weather: Weather, folder: Path) -> tuple[pd.DataFrame, Summary]:
    """The same call again and again, as a person would make it."""
    for _ in range(5):
        try:
            return make_call(FRAME, weather, folder)
        except DwbatchError:
            continue
    raise AssertionError("five calls were not enough")


@pytest.mark.parametrize(("name", "faults"), CASES)
def test_a_lost_or_late_reply_buys_nothing_twice(
    weather: Weather, tmp_path: Path, name: str, faults: list[Fault]
) -> None:
    weather.will(name, *faults)

    out, _ = make_call(FRAME, weather, tmp_path / "job", max_requests_per_batch=1)

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


@pytest.mark.parametrize("name", [UPLOAD, CREATE, LOOK, CONTENT])
def test_something_that_is_no_api_buys_nothing_twice(weather: Weather, tmp_path: Path, name: str) -> None:
    # A captive portal or a wrong proxy: the server never hears of the calls.
    page = says(200, HTML, Content_Type="text/html")
    weather.will(name, page, says(302, Location="http://elsewhere.example/v1"), page)

    out, _ = call_until_over(weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]


SETTLING = {name: fault for name, fault in FAULTS.items() if name != "nonsense after"}


LOOKED_UP = pytest.param(
    CREATE,
    LIST,
    marks=pytest.mark.only_doubleword(
        "OpenAI has no search, so a look has as many pages as there are batches"
    ),
)


# The look-up is called only after an unclear purchase, the list of files after an unclear upload.
@pytest.mark.parametrize("fault", SETTLING.values(), ids=SETTLING.keys())
@pytest.mark.parametrize(("unclear", "settling"), [(UPLOAD, FILES), LOOKED_UP])
def test_a_lost_look_up_buys_nothing_twice(
    weather: Weather, tmp_path: Path, unclear: str, settling: str, fault: Fault
) -> None:
    weather.will(unclear, LOST_AFTER)
    if settling == LIST:
        weather.will(LIST, Fault())
    weather.will(settling, *[fault] * 4)

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok", "ok"]
    assert billed(weather) == [1, 1]
    assert weather.calls()[CREATE] == 1
