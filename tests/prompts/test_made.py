"""Parts made row by row: few at a time, and a row at fault alone."""

import tracemalloc

import numpy as np
import pyarrow as pa
import pytest

from dwbatch.columns import ErrorCode
from dwbatch.prompts.encode import compile_body
from dwbatch.prompts.images import Picture
from dwbatch.prompts.made import PIECE_BYTES, NoColumnError, Row, RowError, make
from dwbatch.prompts.requests import Recipe, read_rows, write_lines
from dwbatch.prompts.template import parse


def picture(size: int) -> Picture:
    """A picture whose every row is so many bytes, but the row 'none'."""

    def read(source: object) -> str:
        if source == "none":
            raise RowError(ErrorCode.UNREADABLE_IMAGE, "there is none")
        return f"{source}:" + "x" * size

    return Picture(parse("{path}"), read)


def test_pieces_cover_every_row_once_and_end_where_they_are_full() -> None:
    part = picture(PIECE_BYTES // 2)
    columns = {"path": pa.array(["a", "b", "none", "c", "d"])}

    pieces = [(piece.start, piece.stop) for piece in make([part], columns, n_rows=5)]

    assert pieces == [(0, 2), (2, 5)]


def test_a_row_larger_than_a_piece_is_a_piece_of_its_own() -> None:
    columns = {"path": pa.array(["a", "b"])}

    pieces = [(piece.start, piece.stop) for piece in make([picture(PIECE_BYTES)], columns, n_rows=2)]

    assert pieces == [(0, 1), (1, 2)]


def test_planning_and_writing_hold_a_piece_and_not_the_job() -> None:
    count, size = 100, PIECE_BYTES // 10
    columns = {"path": pa.array([str(row) for row in range(count)])}
    recipe = Recipe("/v1/chat/completions", compile_body({"url": picture(size)}))
    tracemalloc.start()

    rows = read_rows(columns, recipe, n_rows=count, dedupe=True, max_bytes=2 * size)
    lines = write_lines(
        columns,
        recipe,
        rows=np.arange(count),
        custom_ids=pa.array(map(str, range(count)), pa.large_string()),
        occurrences=rows.occurrences,
    )
    written = [lines_of.keys for lines_of in lines]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert pa.concat_arrays(written).equals(rows.keys)
    assert peak < 4 * PIECE_BYTES < count * size


def test_a_row_at_fault_says_why_and_the_others_are_made() -> None:
    columns = {"path": pa.array(["a", "none", None])}
    recipe = Recipe("/v1/chat/completions", compile_body({"url": picture(1)}))

    rows = read_rows(columns, recipe, n_rows=3, dedupe=True, max_bytes=100)

    assert rows.skipped.to_pylist() == [None, "unreadable_image", "null_input"]
    assert rows.reasons is not None
    assert rows.reasons.to_pylist()[1] == "there is none"
    assert rows.keys.is_valid().to_pylist() == [True, False, False]


def test_a_row_knows_its_columns_alone() -> None:
    row = Row(a=1)

    assert row.get("b") is None
    with pytest.raises(NoColumnError):
        row["b"]


def test_a_long_reason_is_cut() -> None:
    assert len(RowError(ErrorCode.UNENCODABLE_INPUT, "x" * 10_000).reason) == 500
