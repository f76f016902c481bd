"""What a refused upload teaches: a limit makes smaller shards, a bad row costs that row, the rest is answered."""

from pathlib import Path

import pytest

from dwbatch.errors import ApiError, JobStoppedError
from dwbatch.local import Server
from dwbatch.local.limits import Limits, Model
from tests.engine.weather import (
    CREATE,
    UPLOAD,
    Weather,
    billed,
    bought,
    make_call,
    says,
    shards_in,
    statuses,
    texts,
    weather_over,
)

pytestmark = pytest.mark.promise

LONG = "x" * 2000
FRAME = texts("a", "b", "c", "d", "e", "f")


@pytest.mark.only_doubleword("OpenAI refuses no upload for its lines: the batch fails")
def test_a_limit_on_requests_is_learnt_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Server(limits=Limits(max_requests_per_file=2)) as server:
        out, _ = make_call(FRAME, server, tmp_path / "job", progress=True)

        assert statuses(out) == ["ok"] * 6
        assert bought(server) == [1] * 6
        assert [shard.state for shard in shards_in(tmp_path / "job")] == ["DROPPED"] + ["FETCHED"] * 3
    assert "The server takes at most 2 requests" in capsys.readouterr().err


def test_a_limit_on_bytes_is_learnt_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Server(limits=Limits(max_file_bytes=500)) as server:
        out, _ = make_call(FRAME, server, tmp_path / "job", progress=True)

        assert statuses(out) == ["ok"] * 6
        assert bought(server) == [1] * 6
        assert all(shard.bytes <= 500 for shard in shards_in(tmp_path / "job") if shard.batch_id)
    assert "500 bytes a file" in capsys.readouterr().err


def test_a_row_larger_than_a_learnt_limit_is_skipped_and_the_rest_answered(tmp_path: Path) -> None:
    with Server(limits=Limits(max_file_bytes=1000)) as server:
        out, _ = make_call(texts("a", LONG, "b"), server, tmp_path / "job")

        assert statuses(out) == ["ok", "skipped", "ok"]
        assert out["response_error_code"].tolist()[1] == "request_too_large"
        assert bought(server) == [1, 1]


def test_a_413_without_a_number_halves_the_shard(weather: Weather, tmp_path: Path) -> None:
    weather.will(UPLOAD, says(413, b"<html><title>Request Entity Too Large</title></html>"))

    out, _ = make_call(FRAME, weather, tmp_path / "job")

    assert statuses(out) == ["ok"] * 6
    assert billed(weather) == [1] * 6
    assert [shard.state for shard in shards_in(tmp_path / "job")] == ["DROPPED", "FETCHED", "FETCHED"]


@pytest.mark.only_doubleword("OpenAI refuses no upload for its lines: the batch fails")
def test_a_refused_line_costs_its_row_alone_and_says_why(tmp_path: Path) -> None:
    with Server(limits=Limits(max_body_bytes=1000)) as server:
        out, _ = make_call(texts("a", LONG, "b"), server, tmp_path / "job")

        assert statuses(out) == ["ok", "failed", "ok"]
        assert out["response_error_code"].tolist()[1] == "http_400"
        assert "exceeds the maximum allowed size" in out["response_error"].tolist()[1]
        assert bought(server) == [1, 1]


def test_a_refused_row_is_not_sent_again_by_the_same_call_later(tmp_path: Path) -> None:
    frame = texts("a", LONG, "b")
    with Server(limits=Limits(max_body_bytes=1000)) as server:
        first, _ = make_call(frame, server, tmp_path / "job")
        sent = len(server.exchanges())

        second, _ = make_call(frame, server, tmp_path / "job")

        assert second.equals(first)
        assert server.exchanges()[sent:] == []


@pytest.mark.only_doubleword("OpenAI refuses no upload for its lines: the batch fails")
def test_five_refused_rows_cost_five_rows(tmp_path: Path) -> None:
    frame = texts(*[LONG + str(number) for number in range(5)], "a")
    with Server(limits=Limits(max_body_bytes=1000)) as server:
        out, _ = make_call(frame, server, tmp_path / "job")

        assert statuses(out) == ["failed"] * 5 + ["ok"]
        assert bought(server) == [1]


@pytest.mark.only_doubleword("OpenAI refuses no upload for its lines: the batch fails")
def test_six_refused_rows_stop_the_call_with_the_servers_sentence(tmp_path: Path) -> None:
    frame = texts(*[LONG + str(number) for number in range(8)], "a")
    with Server(limits=Limits(max_body_bytes=1000)) as server:
        with pytest.raises(JobStoppedError, match=r"refused 6 rows .* Line 1: Request body is \d+ bytes"):
            make_call(frame, server, tmp_path / "job")
        assert bought(server) == []

        out, _ = make_call(frame, server, tmp_path / "job")

        assert statuses(out) == ["failed"] * 8 + ["ok"]
        assert bought(server) == [1]


@pytest.mark.only_doubleword("OpenAI refuses no upload for its lines: the batch fails")
def test_a_refusal_about_the_model_is_raised_and_costs_no_row(tmp_path: Path) -> None:
    with Server(models={"other": Model()}) as server:
        with pytest.raises(ApiError, match="Model 'echo' has not been configured"):
            make_call(FRAME, server, tmp_path / "job")
        assert bought(server) == []
        server.offer("echo", Model())

        out, _ = make_call(FRAME, server, tmp_path / "job")

        assert statuses(out) == ["ok"] * 6
        assert bought(server) == [1] * 6


@pytest.mark.parametrize(
    "sentence", [b"Line 1: Unsupported URL path: /v1/x", b"Line 2: Missing 'model' field in body"]
)
def test_a_refusal_about_every_row_is_raised_and_costs_no_row(
    weather: Weather, tmp_path: Path, sentence: bytes
) -> None:
    weather.will(UPLOAD, says(400, sentence))

    with pytest.raises(ApiError, match=r"Line \d"):
        make_call(FRAME, weather, tmp_path / "job")

    assert weather.calls()[UPLOAD] == 1
    assert weather.calls()[CREATE] == 0


def test_a_line_that_is_not_in_the_file_drops_no_row(weather: Weather, tmp_path: Path) -> None:
    weather.will(UPLOAD, says(400, b"Line 7: custom_id exceeds maximum length"))

    with pytest.raises(ApiError, match="Line 7"):
        make_call(FRAME, weather, tmp_path / "job")

    assert [shard.state for shard in shards_in(tmp_path / "job")] == ["PLANNED"]


@pytest.mark.only_doubleword("OpenAI refuses no upload for its lines: the batch fails")
def test_a_refused_row_and_a_learnt_limit_leave_the_rest_billed_once(tmp_path: Path) -> None:
    frame = texts("a", LONG, "b", "c", "d", "e")
    limits = Limits(max_body_bytes=1000, max_requests_per_file=2)
    with Server(limits=limits) as server, weather_over(server) as weather:
        out, _ = make_call(frame, weather, tmp_path / "job")

        assert statuses(out) == ["ok", "failed", "ok", "ok", "ok", "ok"]
        assert billed(weather) == [1] * 5
