"""Every fault of a request file is found, each with its line; and what has none is sent as it says."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.errors import InputError
from dwbatch.prompts.encode import canonical
from dwbatch.request_files.lines import Request, read_request
from dwbatch.request_files.reading import read_requests
from tests.cli.calling import line

BODY = {"model": "m", "messages": []}


def faults(folder: Path, *lines: str | bytes, **options: Any) -> list[tuple[int, str]]:
    path = folder / "requests.jsonl"
    path.write_bytes(b"\n".join(each.encode() if isinstance(each, str) else each for each in lines))
    return [(fault.line, fault.sentence) for fault in read_requests(path, **options).faults]


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (b"{", "not JSON"),
        (b"[]", "no object"),
        (b'"\xff"', "not UTF-8"),
        (b'{"custom_id": NaN}', "NaN is no JSON"),
        (line(...), "no 'custom_id'"),
        (line(7), "is 7"),
        (line(""), "not empty"),
        (line("é"), "ASCII"),
        (line("a\tb"), "ASCII"),
        (line("a" * 65), "65 bytes"),
        (line(method=...), "no 'method'"),
        (line(method="GET"), "'GET'"),
        (line(url=...), "no 'url'"),
        (line(url="/v1/images"), "'/v1/images'"),
        (line(body=...), "no 'body'"),
        (line(body=[]), "no object"),
        (line(body={"messages": []}), "'model'"),
        (line(body={"model": 3}), "'model'"),
        (line(body={**BODY, "stream": True}), "'stream'"),
        (line(body={**BODY, "user": "\ud800"}), "surrogate"),
    ],
)
def test_each_fault_has_its_sentence(tmp_path: Path, written: str | bytes, words: str) -> None:
    (fault,) = faults(tmp_path, line("first"), "", written)

    assert fault[0] == 3
    assert words in fault[1]


def test_all_faults_are_found_at_once_and_blank_lines_count(tmp_path: Path) -> None:
    found = faults(tmp_path, line("a"), "", line("é", method="GET", url="/x"), "{", line("a"))

    assert [number for number, _ in found] == [3, 3, 3, 4, 5]
    assert "stands in line 1 already" in found[-1][1]


def test_a_second_url_is_a_fault_of_its_line(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, line("a"), line("b", url="/v1/embeddings"))

    assert found[0] == 2
    assert "a batch has one" in found[1]


def test_a_byte_order_mark_is_a_fault(tmp_path: Path) -> None:
    assert "byte order mark" in faults(tmp_path, b"\xef\xbb\xbf" + line().encode())[0][1]


def test_a_line_larger_than_a_batch_is_a_fault(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, line("a"), line("b", "long" * 100), max_bytes=300)

    assert found[0] == 2
    assert "more than the 300" in found[1]


def test_a_mark_of_another_request_is_a_fault(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, line("job-row-7-" + "a" * 26))

    assert "made by dwbatch for another request" in found[1]


def test_an_error_shows_twenty_faults_and_counts_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text("{\n" * 25, encoding="utf-8")

    with pytest.raises(InputError) as raised:
        read_requests(path).refuse_faults()

    assert str(raised.value).count("\n  line ") == 20
    assert "and 5 more" in str(raised.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
        max_leaves=8,
    )
)  # fmt: skip
def test_a_body_is_sent_as_it_says(value: object) -> None:
    body = {**BODY, "value": value}

    asked = read_request(line(body=body).encode())

    assert isinstance(asked, Request)
    assert json.loads(asked.body) == json.loads(json.dumps(body))
    assert asked.body == canonical(json.loads(asked.body))
