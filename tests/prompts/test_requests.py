"""What is planned is what is written: the same keys, the same sizes, in any order and any slabs."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.errors import InputError
from dwbatch.prompts.encode import compile_body
from dwbatch.prompts.identity import KEY
from dwbatch.prompts.requests import (
    SLAB_BYTES,
    SLAB_ROWS,
    Recipe,
    line_overhead,
    part,
    read_rows,
    slabs,
    write_lines,
)
from dwbatch.prompts.rows import Rows
from dwbatch.prompts.template import parse
from dwbatch.prompts.values import Values

from .strategies import texts

CHAT = "/v1/chat/completions"
BODY = compile_body({"model": "m", "messages": [{"role": "user", "content": parse("Rate {a}: {b}")}]})
RECIPE = Recipe(CHAT, BODY, edition="first")
NOTHING_TOO_LARGE = 10**9
# A cell so wide that a slab holds three rows; one object, however many rows share it.
WIDE = "w" * (SLAB_BYTES * 5 // 16)

cells = st.none() | texts | st.integers(-5, 5) | st.just("\ud800")
frames = st.lists(st.tuples(st.none() | texts, cells), min_size=1, max_size=6)


def columns_of(frame: list[tuple[object, object]]) -> dict[str, Values]:
    return {"a": pa.array([a for a, _ in frame], pa.string()), "b": [b for _, b in frame]}


def read(
    columns: dict[str, Values],
    n_rows: int,
    *,
    recipe: Recipe = RECIPE,
    dedupe: bool = True,
    max_bytes: int = NOTHING_TOO_LARGE,
) -> Rows:
    return read_rows(columns, recipe, n_rows=n_rows, dedupe=dedupe, max_bytes=max_bytes)


def write(
    columns: dict[str, Values], rows: np.ndarray, custom_ids: list[str], occurrences: np.ndarray
) -> tuple[list[str | None], list[bytes | None]]:
    slabs_of_lines = list(
        write_lines(
            columns,
            RECIPE,
            rows=rows,
            custom_ids=pa.array(custom_ids, pa.large_string()),
            occurrences=occurrences,
        )
    )
    lines = [line for each in slabs_of_lines for line in each.texts.to_pylist()]
    keys = [key for each in slabs_of_lines for key in each.keys.to_pylist()]
    return lines, keys


def code_of(a: object, b: object) -> str | None:
    if b == "\ud800":
        return "unencodable_input"
    return "null_input" if a is None or b is None else None


def line_of(custom_id: str, a: object, b: object) -> str | None:
    """The line as json.dumps writes it; None where the row makes none."""
    body = {"model": "m", "messages": [{"role": "user", "content": f"Rate {a}: {b}"}]}
    line = {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body}
    written = json.dumps(line, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return None if code_of(a, b) else f"{written}\n"


@given(frame=frames, dedupe=st.booleans(), draw=st.data())
def test_lines_of_any_rows_in_any_order_are_those_that_were_planned(
    frame: list[tuple[object, object]], *, dedupe: bool, draw: st.DataObject
) -> None:
    columns = columns_of(frame)
    planned = read(columns, len(frame), dedupe=dedupe)
    rows = np.array(draw.draw(st.lists(st.integers(0, len(frame) - 1), max_size=8)), dtype=np.int64)
    custom_ids = draw.draw(st.lists(texts, min_size=len(rows), max_size=len(rows)))

    lines, keys = write(columns, rows, custom_ids, planned.occurrences[rows])

    assert keys == planned.keys.take(pa.array(rows)).to_pylist()
    assert lines == [line_of(custom_id, *frame[row]) for custom_id, row in zip(custom_ids, rows, strict=True)]
    assert [len(line.encode()) for line in lines if line is not None] == [
        planned.body_sizes[row]
        + line_overhead(CHAT)
        + len(json.dumps(custom_id, ensure_ascii=False).encode())
        - 2
        for custom_id, row, line in zip(custom_ids, rows, lines, strict=True)
        if line is not None
    ]


@given(frame=frames, dedupe=st.booleans())
def test_a_row_has_a_key_and_a_size_exactly_where_it_is_not_skipped(
    frame: list[tuple[object, object]], *, dedupe: bool
) -> None:
    rows = read(columns_of(frame), len(frame), dedupe=dedupe)

    expected = [code_of(*cells) for cells in frame]
    assert len(rows) == len(frame)
    assert rows.skipped.to_pylist() == expected
    assert rows.keys.is_null().to_pylist() == [code is not None for code in expected]
    assert (rows.body_sizes > 0).tolist() == [code is None for code in expected]


@given(frame=frames)
def test_equal_rows_are_one_request_and_told_apart_only_when_asked(
    frame: list[tuple[object, object]],
) -> None:
    doubled = columns_of([*frame, *frame])

    once = read(doubled, 2 * len(frame))
    each = read(doubled, 2 * len(frame), dedupe=False)

    assert once.keys.to_pylist()[: len(frame)] == once.keys.to_pylist()[len(frame) :]
    assert not once.occurrences.any()
    present = [key for key in each.keys.to_pylist() if key is not None]
    assert len(set(present)) == len(present)
    assert each.skipped.equals(once.skipped)


@given(frame=frames, added=frames)
def test_more_rows_change_no_key_of_the_rows_before(
    frame: list[tuple[object, object]], added: list[tuple[object, object]]
) -> None:
    before = read(columns_of(frame), len(frame), dedupe=False)
    after = read(columns_of([*frame, *added]), len(frame) + len(added), dedupe=False)

    assert after.keys.slice(0, len(frame)).equals(before.keys)


@given(frame=frames)
def test_slab_borders_change_nothing(frame: list[tuple[object, object]]) -> None:
    frame = frame * 3
    narrow = columns_of(frame) | {"unused": [WIDE] * len(frame)}
    whole = columns_of(frame)
    rows = np.arange(len(frame))[::-1].copy()
    custom_ids = [f"row-{row}" for row in rows]

    planned = read(narrow, len(frame), dedupe=False)

    assert len(list(slabs(narrow, len(frame)))) == len(frame) // 3
    assert planned.keys.equals(read(whole, len(frame), dedupe=False).keys)
    assert planned.skipped.equals(read(whole, len(frame)).skipped)
    assert planned.body_sizes.tolist() == read(whole, len(frame)).body_sizes.tolist()
    assert write(narrow, rows, custom_ids, planned.occurrences[rows]) == write(
        whole, rows, custom_ids, planned.occurrences[rows]
    )


@given(n_rows=st.integers(0, 200_000), width=st.sampled_from([0, 1, 1000, 100_000]))
def test_slabs_partition_the_rows_within_the_limit(n_rows: int, width: int) -> None:
    columns: dict[str, Values] = {"x": ["w" * width] * min(n_rows, 10)}

    borders = list(slabs(columns, n_rows))

    assert [start for start, _ in borders] == [0, *(stop for _, stop in borders)][: len(borders)]
    assert all(0 < stop - start <= SLAB_ROWS for start, stop in borders)
    assert all((stop - start) * width <= SLAB_BYTES or stop - start == 1 for start, stop in borders)
    assert sum(stop - start for start, stop in borders) == n_rows


def test_a_row_after_the_largest_slab_is_as_any_other() -> None:
    columns = {
        "a": pa.array(range(SLAB_ROWS + 1)),
        "b": pa.array(["b"]).take(pa.array([0] * (SLAB_ROWS + 1))),
    }

    rows = read(columns, SLAB_ROWS + 1)
    lines, keys = write(columns, np.array([SLAB_ROWS]), ["last"], np.zeros(1, dtype=np.int64))

    assert keys == [rows.keys[SLAB_ROWS].as_py()]
    assert f"Rate {SLAB_ROWS}: b" in str(lines[0])
    assert rows.keys.null_count == 0


@pytest.mark.parametrize("dedupe", [True, False])
def test_a_frame_without_rows_has_all_types(*, dedupe: bool) -> None:
    rows = read({"a": pa.array([], pa.string()), "b": []}, 0, dedupe=dedupe)

    assert (len(rows), rows.keys.type, rows.skipped.type) == (0, KEY, pa.string())
    assert [str(numbers.dtype) for numbers in (rows.body_sizes, rows.occurrences)] == ["int64", "int64"]
    assert write(
        {"a": pa.array([], pa.string()), "b": []}, np.zeros(0, dtype=np.int64), [], rows.occurrences
    ) == ([], [])


@pytest.mark.parametrize(("spare", "code"), [(-1, "request_too_large"), (0, None), (1, None)])
def test_a_body_over_the_limit_costs_only_its_own_row(spare: int, code: str | None) -> None:
    columns: dict[str, Values] = {"a": pa.array(["x", "😀😀😀", None]), "b": [1, 1, 1]}
    largest = int(read(columns, 3).body_sizes[1])

    rows = read(columns, 3, max_bytes=largest + spare)

    assert rows.skipped.to_pylist() == [None, code, "null_input"]
    assert rows.keys.is_null().to_pylist() == [False, code is not None, True]
    assert rows.body_sizes.tolist() == [largest - 11, 0 if code else largest, 0]


def test_a_missing_value_is_empty_text_when_the_recipe_says_so() -> None:
    recipe = Recipe(CHAT, BODY, null_as_empty=True)

    rows = read({"a": pa.array([None, ""]), "b": [1, 1]}, 2, recipe=recipe)

    assert rows.skipped.to_pylist() == [None, None]
    assert rows.keys[0] == rows.keys[1]


@pytest.mark.parametrize("other", [Recipe("/v1/responses", BODY, edition="first"), Recipe(CHAT, BODY)])
def test_another_endpoint_or_edition_is_another_request(other: Recipe) -> None:
    columns = columns_of([("a", "b")])

    assert read(columns, 1).keys[0] != read(columns, 1, recipe=other).keys[0]


def test_a_value_without_text_is_refused_before_anything_is_written() -> None:
    with pytest.raises(InputError, match="Column 'b' holds bytes"):
        read(columns_of([("a", "b"), ("a", b"bytes")]), 2)


@given(values=st.lists(st.none() | texts, min_size=1, max_size=6), draw=st.data())
def test_some_rows_of_a_column_are_those_rows(values: list[str | None], draw: st.DataObject) -> None:
    start = draw.draw(st.integers(0, len(values) - 1))
    scattered = draw.draw(st.lists(st.integers(0, len(values) - 1), max_size=6))
    columns: dict[str, Values] = {"arrow": pa.array(values, pa.string()), "objects": values}

    for rows in (np.arange(start, len(values)), np.array(scattered, dtype=np.int64)):
        expected = [values[row] for row in rows.tolist()]

        taken = part(columns, rows)

        assert pa.array(taken["arrow"]).to_pylist() == expected
        assert taken["objects"] == expected


def test_the_payload_of_lines_is_their_bytes_one_after_the_other() -> None:
    columns = columns_of([("é", "b"), (None, "b"), ("c", "d")])
    custom_ids = pa.array(["0", "1", "2"], pa.large_string())
    [lines] = write_lines(
        columns, RECIPE, rows=np.arange(3), custom_ids=custom_ids, occurrences=np.zeros(3, dtype=np.int64)
    )

    payload = bytes(lines.payload)

    assert payload.decode() == f"{line_of('0', 'é', 'b')}{line_of('2', 'c', 'd')}"


def test_the_overhead_of_a_line_is_what_stands_around_body_and_custom_id() -> None:
    line = (
        json.dumps({"body": {}, "custom_id": "", "method": "POST", "url": CHAT}, separators=(",", ":")) + "\n"
    )

    assert line_overhead(CHAT) == len(line) - len("{}")
