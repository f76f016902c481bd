"""A file cut anywhere, with anything in it, becomes one row a line."""

import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.answers import decode as module
from dwbatch.answers.decode import decode
from dwbatch.answers.lines import read_line
from dwbatch.answers.results import LINES, to_batch

from .wire import chat_body, chat_line, dumps, error_line, line

# What a careless reader takes for the end of a line, or trips over in JSON.
AWKWARD = '"\\/{}[]\x00\x01\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x7f\x85\xa0é\u2028\u2029\ufeff\uffff😀!:,'
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30) | st.text(
    AWKWARD, min_size=1, max_size=12
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MIXED = b"".join(
    [
        chat_line("r-1", "one\u2028two\u0085 three é"),
        b"\n \r\n",
        chat_line("r-2", "cut off he", "length"),
        error_line("r-3", "it broke"),
        b"{not json\n",
        chat_line("r-4", "😀"),
        b'{"custom_id":"r-5"',
    ]
)


def blocks_of(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.fixture
def tiny_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SLAB_BYTES", 1)


@given(texts)
def test_any_text_survives_the_way_back(text: str) -> None:
    table = decode([chat_line("r", text)])

    assert table.select(["status", "content"]).to_pylist() == [{"status": "ok", "content": text}]


@given(texts, st.text(max_size=20))
def test_any_text_survives_where_json_escapes_it(text: str, custom_id: str) -> None:
    escaped = json.dumps(json.loads(chat_line("r", text)) | {"custom_id": custom_id}).encode()

    table = decode([escaped])

    assert table["content"].to_pylist() == [text]
    assert table["custom_id"].to_pylist() == [custom_id]


def test_blocks_cut_at_every_byte_make_the_same_table() -> None:
    expected = decode([MIXED])

    tables = [decode([MIXED[:cut], MIXED[cut:]]) for cut in range(len(MIXED))]

    assert len(expected) == 6
    assert all(table.equals(expected) for table in tables)


@pytest.mark.usefixtures("tiny_slabs")
def test_slabs_of_one_line_make_the_same_table() -> None:
    tables = [decode(blocks_of(MIXED, size)) for size in (1, 2, 7, 100, len(MIXED))]

    assert tables[0]["custom_id"].num_chunks > 1
    assert all(table.combine_chunks().equals(decode([MIXED]).combine_chunks()) for table in tables)
    assert tables[0]["custom_id"].to_pylist() == ["r-1", "r-2", "r-3", None, "r-4", "r-5"]


def test_a_cut_last_line_is_not_a_line() -> None:
    text = chat_line("r-1") + chat_line("r-2")

    table = decode([text[:-1]], whole=False)

    assert table["custom_id"].to_pylist() == ["r-1"]


def test_a_whole_file_may_end_without_a_newline() -> None:
    table = decode([chat_line("r-1"), chat_line("r-2")[:-1]], whole=True)

    assert table["status"].to_pylist() == ["ok", "ok"]


@pytest.mark.parametrize("blocks", [[], [b""], [b"\n\n \n"], [b"", b"\r\n"]])
def test_a_file_without_lines_is_an_empty_table_of_the_same_types(blocks: list[bytes]) -> None:
    table = decode(blocks)

    assert table.schema == LINES
    assert len(table) == 0


@given(st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"")), max_size=5))
def test_any_bytes_cost_one_row_a_line(lines: list[bytes]) -> None:
    table = decode([b"\n".join(lines)])

    assert len(table) == sum(bool(text.strip()) for text in lines)
    table.validate(full=True)


@given(st.dictionaries(st.sampled_from(["id", "custom_id", "response", "error"]), json_values))
def test_any_object_is_read_without_an_exception(wire: dict[str, object]) -> None:
    table = decode([json.dumps(wire).encode()])

    assert len(table) == 1
    table.validate(full=True)


@given(json_values, st.sampled_from(["choices", "output", "content", "data", "error", "usage", "model"]))
def test_any_body_is_read_without_an_exception(value: object, field: str) -> None:
    table = decode([json.dumps({"custom_id": "r", "response": {"body": {field: value}}}).encode()])

    assert len(table) == 1
    table.validate(full=True)


@given(
    content=st.none() | st.just("") | texts | st.just([{"type": "text", "text": "part"}]),
    finish_reason=st.sampled_from(["stop", "length", "content_filter", "tool_calls", None]),
    refusal=st.sampled_from([None, "", "no"]),
    http_status=st.sampled_from([200, 201, 302, 400, 500]),
)
def test_the_fast_path_reads_as_the_slow_path_does(
    content: object, finish_reason: str | None, refusal: str | None, http_status: int
) -> None:
    text = line("r", chat_body(content, finish_reason, refusal=refusal), http_status=http_status)

    table = decode([text])

    assert table.equals(pa.Table.from_batches([to_batch([read_line(text)])]))


def test_an_answer_under_an_error_status_is_a_failure() -> None:
    table = decode([line("r", chat_body("hi"), http_status=500)])

    assert table["error_code"].to_pylist() == ["http_500"]


def test_a_line_that_is_not_utf8_is_malformed_wherever_the_bytes_stand() -> None:
    text = chat_line("r", "hi").replace(b'"request_id":null', b'"request_id":"\xff"')

    table = decode([text])

    assert table.select(["custom_id", "error_code"]).to_pylist() == [
        {"custom_id": "r", "error_code": "malformed_line"}
    ]


def test_odd_lines_between_plain_ones_keep_their_places() -> None:
    endings = ["stop", "length", "stop", "stop", "length"]
    lines = [chat_line(f"r-{place}", f"text {place}", ending) for place, ending in enumerate(endings)]

    table = decode(lines)

    assert table["custom_id"].to_pylist() == ["r-0", "r-1", "r-2", "r-3", "r-4"]
    assert table["content"].to_pylist() == ["text 0", "text 1", "text 2", "text 3", "text 4"]
    assert table["status"].to_pylist() == ["ok", "truncated", "ok", "ok", "truncated"]


@pytest.mark.parametrize("finish_reason", ["stop", "length"])
def test_the_body_is_kept_byte_for_byte(finish_reason: str) -> None:
    body = dumps(chat_body("é", finish_reason)).replace(":", " :  ")
    text = '{"error":null,"response":{"body":' + body + ',"status_code":200},"custom_id":"r","id":"b"}'

    table = decode([text.encode()])

    assert table["body"].to_pylist() == [body]
    assert table["content"].to_pylist() == ["é"]


def test_a_plain_line_tells_its_model_and_its_tokens() -> None:
    row = decode([chat_line("r-1", "hi")]).drop(["body", "embedding"]).to_pylist()

    assert row == [
        {
            "custom_id": "r-1",
            "line_id": "req-r-1",
            "status": "ok",
            "error_code": None,
            "error": None,
            "content": "hi",
            "finish_reason": "stop",
            "model": "mock-model",
            "prompt_tokens": 5,
            "completion_tokens": 7,
        }
    ]
