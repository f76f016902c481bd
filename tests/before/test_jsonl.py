"""to_jsonl(): request files on disk, and nothing sent."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dwbatch
from dwbatch import EqualRowsWarning, InputError
from dwbatch.checkpoint.disk import Disk
from dwbatch.local import Server
from tests.api.between import between
from tests.api.calling import SAY, texts, usual


def lines(*paths: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def test_one_file_is_the_very_bytes_that_a_run_uploads(server: Server, tmp_path: Path) -> None:
    frame = texts("one", None, "two")

    paths = dwbatch.to_jsonl(frame, "requests.jsonl", SAY, model="m", temperature=0)

    assert paths == [tmp_path / "requests.jsonl"]
    with between(server) as (line, base_url):
        dwbatch.run(frame, SAY, **{**usual(server), "temperature": 0, "base_url": base_url})
    assert paths[0].read_bytes() == line.files[0]


def test_nothing_but_the_files_is_left_and_no_key_is_needed(tmp_path: Path) -> None:
    texts("one", "two").doubleword.to_jsonl(
        "out.jsonl", SAY, model="m", base_url="https://nowhere.invalid/v1", max_requests_per_batch=1
    )

    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-00001.jsonl", "out-00002.jsonl"]


@given(
    values=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=12, unique=True),
    most=st.integers(1, 5),
    room=st.integers(200, 900),
)
def test_files_keep_both_limits_and_hold_every_request_once(
    tmp_path_factory: pytest.TempPathFactory, values: list[str], most: int, room: int
) -> None:
    folder = tmp_path_factory.mktemp("requests")
    limits: dict[str, Any] = {"max_requests_per_batch": most, "max_bytes_per_batch": room}

    paths = dwbatch.to_jsonl(texts(*values, dtype="string"), folder / "r.jsonl", SAY, model="m", **limits)

    assert all(len(lines(path)) <= most and path.stat().st_size <= room for path in paths)
    sent = lines(*paths)
    shown = dwbatch.preview(texts(*values, dtype="string"), SAY, model="m", rows=99, **limits)
    assert [request["body"] for request in sent] == [json.loads(body) for body in shown["body"].dropna()]
    assert sorted(folder.iterdir()) == sorted(paths)


def test_equal_rows_are_one_request_and_the_call_says_so() -> None:
    with pytest.warns(EqualRowsWarning, match="2 of 3 rows make the same request") as caught:
        (path,) = dwbatch.to_jsonl(texts("one", "one", "one"), "out.jsonl", SAY, model="m")

    assert len(lines(path)) == 1
    assert caught[0].filename == __file__
    (path,) = dwbatch.to_jsonl(texts("one", "one"), "more.jsonl", SAY, model="m", dedupe=False)
    assert len({request["custom_id"] for request in lines(path)}) == 2


def test_a_file_that_is_there_stands_unless_overwrite_is_said(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("mine")

    with pytest.raises(
        InputError, match=r"out\.jsonl' is there already\. .* overwrite=True.* Nothing was sent"
    ):
        dwbatch.to_jsonl(texts("one"), "out.jsonl", SAY, model="m")
    assert (tmp_path / "out.jsonl").read_text() == "mine"

    dwbatch.to_jsonl(texts("one"), "out.jsonl", SAY, model="m", overwrite=True)
    assert len(lines(tmp_path / "out.jsonl")) == 1


def test_files_of_an_earlier_and_larger_call_are_not_left_to_be_sent_with_the_new_ones(
    tmp_path: Path,
) -> None:
    (tmp_path / "out-of-town.jsonl").write_text("mine")
    dwbatch.to_jsonl(texts(*"abc"), "out.jsonl", SAY, model="m", max_requests_per_batch=1)

    with pytest.raises(InputError, match=r"out-00001\.jsonl' is there already.* and the 2 beside it"):
        dwbatch.to_jsonl(texts("a"), "out.jsonl", SAY, model="m")
    dwbatch.to_jsonl(texts(*"ab"), "out.jsonl", SAY, model="m", max_requests_per_batch=1, overwrite=True)

    names = ["out-00001.jsonl", "out-00002.jsonl", "out-of-town.jsonl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


def test_a_frame_without_a_request_writes_no_file(tmp_path: Path) -> None:
    assert dwbatch.to_jsonl(texts(None, None, dtype="string"), "out.jsonl", SAY, model="m") == []
    assert list(tmp_path.iterdir()) == []


def test_columns_that_a_run_would_write_over_are_no_matter_here() -> None:
    frame = texts("one").assign(response="old")

    assert len(dwbatch.to_jsonl(frame, "out.jsonl", SAY, model="m")) == 1


def test_a_full_disk_leaves_the_old_file_and_no_half_of_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.jsonl").write_text("old")

    def full(_: Disk, path: Path, __: object) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Disk, "write", full)

    with pytest.raises(OSError, match="No space left"):
        dwbatch.to_jsonl(texts("one"), "out.jsonl", SAY, model="m", overwrite=True)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("path", ["", "folder", "absent/out.jsonl"])
def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(InputError, match="give the name of a file in one that does"):
        dwbatch.to_jsonl(texts("one"), tmp_path / path, SAY, model="m")


def test_the_files_are_ready_for_a_server_of_openai_s_kind() -> None:
    (path,) = dwbatch.to_jsonl(texts("one", "two"), "out.jsonl", SAY, model="m")

    with (
        Server(dialect="openai") as server,
        openai.OpenAI(base_url=server.base_url, api_key="sk-x") as client,
    ):
        file = client.files.create(file=path, purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        while batch.status in {"validating", "in_progress", "finalizing"}:
            batch = client.batches.retrieve(batch.id)

    assert batch.request_counts is not None
    assert (batch.status, batch.request_counts.completed) == ("completed", 2)
