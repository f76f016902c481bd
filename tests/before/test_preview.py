"""preview(): what would be sent, word for word, before anything is."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import dwbatch
from dwbatch import InputError
from dwbatch.local import Server
from tests.api.between import between
from tests.api.calling import SAY, texts, usual


def test_a_preview_is_what_a_run_then_sends(server: Server) -> None:
    frame = pd.DataFrame({"text": ["one", 'two\n"quoted"', "três"]}, index=["a", "b", "b"])
    options: dict[str, Any] = {"temperature": 0.5, "system": "Be kind.", "name": "spring"}

    shown = dwbatch.preview(frame, SAY, model="m", **options)

    with between(server) as (line, base_url):
        dwbatch.run(frame, SAY, **{**usual(server), **options, "base_url": base_url})
    sent = [json.loads(text) for text in line.files[0].splitlines()]
    assert [json.loads(body) for body in shown["body"]] == [request["body"] for request in sent]
    assert all(f'{{"body":{body},'.encode() in line.files[0] for body in shown["body"])
    assert shown["custom_id"].tolist() == [request["custom_id"] for request in sent]
    assert shown.index.tolist() == ["a", "b", "b"]


def test_a_preview_sends_nothing_makes_nothing_and_needs_no_key(tmp_path: Path) -> None:
    shown = texts("one").doubleword.preview(SAY, model="m", base_url="https://nowhere.invalid/v1")

    assert shown["custom_id"].str.startswith("dwbatch-row-0-").all()
    assert list(tmp_path.iterdir()) == []


def test_three_rows_are_shown_unless_another_number_is_said() -> None:
    frame = texts(*"abcde")

    assert len(dwbatch.preview(frame, SAY, model="m")) == 3
    assert len(dwbatch.preview(frame, SAY, model="m", rows=4)) == 4
    assert len(dwbatch.preview(frame, SAY, model="m", rows=99)) == 5
    assert len(dwbatch.preview(frame, SAY, model="m", rows=0)) == 0


def test_a_row_that_makes_no_request_shows_why() -> None:
    frame = texts("one", None, "x" * 400, "\ud800", dtype=object)

    shown = dwbatch.preview(frame, SAY, model="m", rows=4, max_bytes_per_batch=400)

    assert shown["skipped"].fillna("").tolist() == [
        "",
        "null_input",
        "request_too_large",
        "unencodable_input",
    ]
    assert shown["body"].notna().tolist() == [True, False, False, False]
    assert shown["custom_id"].notna().tolist() == [True, False, False, False]


def test_equal_rows_share_the_first_one_s_custom_id() -> None:
    shown = dwbatch.preview(texts("one", "one", "one"), SAY, model="m")

    assert len(set(shown["custom_id"])) == 1
    assert len(set(shown["body"])) == 1


def test_an_empty_frame_is_shown_with_the_same_dtypes() -> None:
    shown = dwbatch.preview(texts(dtype="string"), SAY, model="m")

    pd.testing.assert_series_equal(shown.dtypes, dwbatch.preview(texts("one"), SAY, model="m").dtypes)


def test_custom_ids_of_the_user_s_own_are_shown() -> None:
    shown = dwbatch.preview(texts("one", "two"), SAY, model="m", custom_id="mine-{text}")

    assert shown["custom_id"].tolist() == ["mine-one", "mine-two"]


def test_wrong_input_is_refused_as_a_run_would() -> None:
    with pytest.raises(InputError, match="Column 'txt' is named in the prompt but not in the frame"):
        dwbatch.preview(texts("one"), "say {txt}", model="m")
    with pytest.raises(InputError, match=r"rows= takes a whole number of at least 0; got -1\."):
        dwbatch.preview(texts("one"), SAY, model="m", rows=-1)
    with pytest.raises(InputError, match=r"preview\(\) does not know 'row'\."):
        dwbatch.preview(texts("one"), SAY, model="m", row=2)  # type: ignore[call-arg] # the mistake is the point
