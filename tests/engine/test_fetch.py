"""Result files that arrive cut, late, twice or garbled end complete, or with missing rows that are named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.weather import (
    CONTENT,
    CREATE,
    LOOK,
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

FRAME = texts("first", "second", "third")
ALL_OK = ["ok", "ok", "ok"]


@pytest.mark.parametrize("has_length", [True, False])
@pytest.mark.parametrize("cut", range(0, 1400, 97))
def test_a_body_cut_anywhere_is_read_again(
    weather: Weather, tmp_path: Path, cut: int, *, has_length: bool
) -> None:
    weather.will(CONTENT, Fault(cut=cut, has_length=has_length))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ALL_OK
    assert [shard.state for shard in shards_in(tmp_path / "job")] == ["FETCHED"]
    assert billed(weather) == [1, 1, 1]


def lines_changed(change: Callable[[list[bytes]], list[bytes]]) -> Fault:
    """A result file with other lines in it; an empty file stays empty."""

    def changed(body: bytes) -> bytes:
        lines = body.splitlines(keepends=True)
        return b"".join(change(lines)) if lines else body

    return Fault(change=changed)


SURFACING = {
    "fewer than promised": lines_changed(lambda lines: lines[:1]),
    "behind a position already read": lines_changed(lambda lines: lines[1:]),
    "none": lines_changed(lambda _: []),
    "a garbled one": lines_changed(lambda lines: [b'{"custom_id": \xff\n', *lines[1:]]),
    "one cut in its middle": lines_changed(lambda lines: [*lines[:-1], lines[-1][:60]]),
    "one glued to the next": lines_changed(lambda lines: [lines[0].strip() + lines[1], *lines[2:]]),
}


@pytest.mark.only_doubleword("two empty or filled result files are read at a time; OpenAI makes no empty one")
@pytest.mark.parametrize("fault", SURFACING.values(), ids=SURFACING.keys())
def test_lines_that_surface_late_are_waited_for(weather: Weather, tmp_path: Path, fault: Fault) -> None:
    weather.will(CONTENT, fault, fault)

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ALL_OK
    assert billed(weather) == [1, 1, 1]


@pytest.mark.only_doubleword("two result files are read at a time; OpenAI makes no empty one")
def test_a_row_is_missing_only_after_two_reads_a_minute_apart(weather: Weather, tmp_path: Path) -> None:
    weather.always(CONTENT, SURFACING["fewer than promised"])
    clock = StillClock()
    read_at: list[float] = []
    weather.on_call(CONTENT, lambda: read_at.append(clock.elapsed))

    out, _ = make_call(FRAME, weather, tmp_path / "job", clock=clock)

    assert sorted(statuses(out)) == ["missing", "missing", "ok"]
    assert sorted(out["response_error_code"].dropna()) == ["no_result_line", "no_result_line"]
    # Both files of each read.
    assert len(read_at) == 4
    assert read_at[2] - read_at[0] >= 60


def test_a_shard_that_owes_lines_is_read_again_by_the_next_call(weather: Weather, tmp_path: Path) -> None:
    weather.always(CONTENT, SURFACING["fewer than promised"])
    first, _ = make_call(FRAME, weather, tmp_path / "job")
    states = [shard.state for shard in shards_in(tmp_path / "job")]
    weather.clear()

    second, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(first).count("missing") == 2
    assert states == ["ENDED"]
    assert statuses(second) == ALL_OK
    assert billed(weather) == [1, 1, 1]


def test_a_shard_that_owes_lines_is_not_sent_again_even_if_missing_ones_are_asked_for(
    weather: Weather, tmp_path: Path
) -> None:
    weather.always(CONTENT, SURFACING["fewer than promised"])

    out, _ = make_call(FRAME, weather, tmp_path / "job", retry="missing")

    assert sorted(statuses(out)) == ["missing", "missing", "ok"]
    assert weather.calls()[CREATE] == 1


def test_a_second_read_takes_away_nothing_that_the_first_one_found(weather: Weather, tmp_path: Path) -> None:
    weather.always(CONTENT, SURFACING["fewer than promised"])
    first, _ = make_call(FRAME, weather, tmp_path / "job")
    weather.always(CONTENT, SURFACING["none"])

    second, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(second) == statuses(first)
    assert statuses(second).count("ok") == 1


def test_a_debt_of_a_day_is_written_off_and_named(weather: Weather, tmp_path: Path) -> None:
    weather.always(CONTENT, SURFACING["fewer than promised"])
    make_call(FRAME, weather, tmp_path / "job")
    tomorrow = StillClock()
    tomorrow.elapsed = 90_000.0

    out, _ = make_call(FRAME, weather, tmp_path / "job", clock=tomorrow)

    assert [shard.state for shard in shards_in(tmp_path / "job")] == ["FETCHED"]
    assert sorted(statuses(out)) == ["missing", "missing", "ok"]


def test_a_deleted_result_file_ends_the_debt(weather: Weather, tmp_path: Path) -> None:
    weather.always(CONTENT, says(404, b"File not found"))

    out, _ = make_call(FRAME, weather, tmp_path / "job")
    reads = weather.calls()[CONTENT]

    assert [shard.state for shard in shards_in(tmp_path / "job")] == ["FETCHED"]
    assert statuses(out) == ["missing"] * 3
    assert 3 <= reads < 20


def test_a_result_file_denied_once_is_not_gone(weather: Weather, tmp_path: Path) -> None:
    weather.will(CONTENT, says(404, b"File not found"))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ALL_OK


TWICE = {
    "every line twice": lines_changed(lambda lines: lines * 2),
    "in any order": lines_changed(lambda lines: lines[::-1]),
    "with lines of other batches": lines_changed(
        lambda lines: [lines[0].replace(b"dwbatch-row", b"foreign-row"), *lines]
    ),
    "with blank lines": lines_changed(lambda lines: [b"\n", *lines, b"  \n"]),
    "without the last newline": lines_changed(lambda lines: [*lines[:-1], lines[-1].rstrip(b"\n")]),
    "a failure after each answer": lines_changed(lambda lines: [*lines, *map(failed, lines)]),
    "a failure before each answer": lines_changed(lambda lines: [*map(failed, lines), *lines]),
}


def failed(line: bytes) -> bytes:
    """The line of a failure of the same row."""
    custom_id = json.loads(line)["custom_id"]
    error = {"code": None, "message": "the stream broke"}
    return json.dumps({"id": "x", "custom_id": custom_id, "response": None, "error": error}).encode() + b"\n"


@pytest.mark.parametrize("fault", TWICE.values(), ids=TWICE.keys())
def test_duplicate_and_foreign_lines_move_no_answer(weather: Weather, tmp_path: Path, fault: Fault) -> None:
    weather.always(CONTENT, fault)

    out, _ = make_call(FRAME, weather, tmp_path / "job", prompt="{text}")

    assert statuses(out) == ALL_OK
    assert list(out["response"]) == ["echo: first", "echo: second", "echo: third"]
    assert billed(weather) == [1, 1, 1]


@pytest.mark.only_doubleword("a line is spoiled letter by letter, as Doubleword writes it")
def test_a_line_malformed_for_ever_costs_its_row_alone(weather: Weather, tmp_path: Path) -> None:
    broken = lines_changed(lambda lines: [lines[0].replace(b'"response":{', b'"response":{{'), *lines[1:]])
    weather.always(CONTENT, broken)

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert sorted(statuses(out)) == ["failed", "ok", "ok"]
    assert list(out["response_error_code"].dropna()) == ["malformed_line"]
    assert weather.calls()[CREATE] == 1


@pytest.mark.only_doubleword("two result files are read at a time; OpenAI makes no empty one")
def test_incomplete_for_ever_does_not_hold_up_a_batch_that_is_over(weather: Weather, tmp_path: Path) -> None:
    weather.always(CONTENT, Fault(headers={"X-Incomplete": "true"}))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ALL_OK
    assert weather.calls()[CONTENT] == 2


def test_a_promise_of_more_lines_than_there_are_does_not_hold_up(weather: Weather, tmp_path: Path) -> None:
    weather.always(CONTENT, Fault(headers={"X-Last-Line": "99"}))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ALL_OK


def relabelled(body: bytes) -> bytes:
    """The same batch, cancelled by somebody."""
    return json.dumps({**json.loads(body), "status": "cancelled"}).encode()


def test_late_finishers_of_a_cancelled_batch_are_picked_up_by_the_next_call(
    weather: Weather, tmp_path: Path
) -> None:
    one_done = {"total": 3, "completed": 1, "failed": 0}

    def one_of_three(body: bytes) -> bytes:
        return json.dumps({**json.loads(relabelled(body)), "request_counts": one_done}).encode()

    weather.always(LOOK, Fault(change=one_of_three))
    weather.always(CONTENT, SURFACING["fewer than promised"])
    first, _ = make_call(FRAME, weather, tmp_path / "job")
    weather.clear()

    second, _ = make_call(FRAME, weather, tmp_path / "job")

    assert sorted(statuses(first)) == ["cancelled", "cancelled", "ok"]
    assert statuses(second) == ALL_OK
    assert billed(weather) == [1, 1, 1]
    assert [shard.state for shard in shards_in(tmp_path / "job")] == ["FETCHED"]
