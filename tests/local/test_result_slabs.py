"""Results that are kept many together, and read one by one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from sqlite3 import Connection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.local import result_slabs
from dwbatch.local.ids import RowIds
from dwbatch.local.store import SCHEMA
from dwbatch.local.views import ERROR, OUTPUT

IDS = RowIds("a batch")

# A few rows at a time, in any order, of either kind.
endings = st.lists(st.lists(st.sampled_from([OUTPUT, ERROR]), max_size=5), max_size=6).flatmap(
    lambda kinds: st.tuples(st.just(kinds), st.permutations(range(sum(map(len, kinds)))))
)
Ended = list[tuple[int, int]]


@contextmanager
def kept(kinds: list[list[int]], numbers: list[int]) -> Iterator[tuple[Connection, Ended]]:
    """A store with such results, and what they are: number and kind, in the order in which they came."""
    left, ended = iter(numbers), Ended()
    with closing(empty()) as db:
        for some in kinds:
            rows = [(next(left), kind) for kind in some]
            ended += rows
            for kind in (OUTPUT, ERROR):
                result_slabs.keep(db, 1, kind, [(row, line(row, kind)) for row, own in rows if own == kind])
        # Another batch's, which nobody may take for this one's.
        result_slabs.keep(db, 2, OUTPUT, [(0, line(0, OUTPUT))])
        yield db, ended


def empty() -> Connection:
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    return db


def line(number: int, kind: int) -> bytes:
    body = b'{"number":%d}' % number if kind == OUTPUT else b"reason %d" % number
    return result_slabs.line(IDS.of(number), f"row {number}", kind, 200, body)


@given(endings, st.integers(0, 20), st.none() | st.integers(0, 20))
def test_any_stretch_of_a_file_is_read_as_if_its_lines_were_kept_one_by_one(
    rows: tuple[list[list[int]], list[int]], skip: int, limit: int | None
) -> None:
    with kept(*rows) as (db, ended):
        for kind in (OUTPUT, ERROR):
            texts = list(result_slabs.texts(db, 1, kind, skip=skip, limit=limit))

            own = [line(row, each) for row, each in ended if each == kind]
            assert b"".join(texts) == b"".join(own[skip:][:limit])
            assert result_slabs.size(db, 1, kind) == (len(own), sum(map(len, own)))


@given(endings)
def test_a_row_is_found_by_its_place_in_the_input(rows: tuple[list[list[int]], list[int]]) -> None:
    with kept(*rows) as (db, ended):
        by_line = result_slabs.ByLine(db, {"seq": 1, "total": len(ended) + 1})  # type: ignore[arg-type]  # as much of a batch as is looked at

        found = [by_line.find(row) for row, _ in ended]

        assert [end and end[0] for end in found] == [kind for _, kind in ended]
        assert [end and result_slabs.read(end[1]).custom_id for end in found] == [
            f"row {row}" for row, _ in ended
        ]
        assert by_line.find(len(ended)) is None
        assert sorted(result_slabs.over(db, 1)) == sorted(row for row, _ in ended)


@given(endings, st.sets(st.integers(0, 30)))
def test_failures_are_forgotten_by_number_and_answers_never(
    rows: tuple[list[list[int]], list[int]], chosen: set[int]
) -> None:
    with kept(*rows) as (db, ended):
        gone = result_slabs.forget(db, 1, chosen)

        left = [row for row, kind in ended if kind == OUTPUT or row not in chosen]
        assert gone == len(ended) - len(left)
        assert sorted(result_slabs.over(db, 1)) == sorted(left)
        assert result_slabs.forget(db, 1) == sum(kind != OUTPUT for row, kind in ended if row in left)


@given(endings, st.integers(1, 8))
def test_the_newest_come_last_first(rows: tuple[list[list[int]], list[int]], most: int) -> None:
    with kept(*rows) as (db, ended):
        newest = result_slabs.newest(db, 1, OUTPUT, most)

        own = [f"row {row}" for row, kind in ended if kind == OUTPUT]
        assert [shown.custom_id for shown in newest] == own[::-1][:most]


def test_long_lines_make_more_slabs_and_the_same_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_slabs, "SLAB_BYTES", 200)
    lines = [line(row, OUTPUT) for row in range(10)]

    with closing(empty()) as db:
        size = result_slabs.keep(db, 1, OUTPUT, enumerate(lines))
        texts = list(result_slabs.texts(db, 1, OUTPUT))

    assert size == sum(map(len, lines))
    assert len(texts) == 5
    assert b"".join(texts) == b"".join(lines)
