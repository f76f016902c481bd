"""A custom_id of the user's own finds its row, or is refused before anything is sent."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.errors import InputError
from dwbatch.prompts.custom_ids import render_custom_ids
from dwbatch.prompts.identity import MAX_CUSTOM_ID
from dwbatch.prompts.template import parse
from dwbatch.prompts.values import Values


def ids(template: str, columns: dict[str, Values], rows: list[int]) -> list[str]:
    found: list[str] = render_custom_ids(parse(template), columns, np.array(rows, dtype=np.int64)).to_pylist()
    return found


@given(users=st.lists(st.integers(0, 10**6), unique=True, max_size=6), draw=st.data())
def test_the_template_is_filled_for_the_rows_asked_for_in_their_order(
    users: list[int], draw: st.DataObject
) -> None:
    rows = draw.draw(st.permutations(range(len(users))))

    found = ids("user-{user}-{{q}}", {"user": pa.array(users, pa.int64())}, rows)

    assert found == [f"user-{users[row]}-{{q}}" for row in rows]


def test_an_integer_column_that_a_null_made_floats_keeps_its_custom_ids() -> None:
    assert ids("user-{user}", {"user": [1.0, float("nan"), 3.0]}, [0, 2]) == ["user-1", "user-3"]


def test_only_the_rows_asked_for_need_a_custom_id() -> None:
    assert ids("{user}", {"user": ["a", None, "a", "é"]}, [2]) == ["a"]


def test_one_row_needs_no_slot_and_two_do() -> None:
    assert ids("only", {}, [0]) == ["only"]
    with pytest.raises(InputError, match=r"row 0 .*, row 1 .* stands on several different requests"):
        ids("only", {}, [0, 1])


@pytest.mark.parametrize("length", [MAX_CUSTOM_ID - 1, MAX_CUSTOM_ID])
def test_a_custom_id_of_up_to_64_bytes_is_taken(length: int) -> None:
    assert ids("{user}", {"user": ["a" * length]}, [0]) == ["a" * length]


@pytest.mark.parametrize(
    ("users", "fault"),
    [
        (["a", None], "row 1 (None) is missing a value it is made of"),
        (["a", "\ud800"], "row 1 (None) is missing a value it is made of"),
        (["a", "b" * 65], f"row 1 ('{'b' * 65}') is longer than the 64 bytes that the server takes"),
        (["a", "é"], "row 1 ('é') is not printable ASCII"),
        (["a", "b\n"], r"row 1 ('b\n') is not printable ASCII"),
        (["a", "b", "a"], "row 0 ('a'), row 2 ('a') stands on several different requests"),
    ],
)
def test_a_custom_id_that_cannot_find_its_row_is_refused_by_row(users: list[object], fault: str) -> None:
    with pytest.raises(InputError) as caught:
        ids("{user}", {"user": users}, [*range(len(users))])

    assert str(caught.value) == (
        f"The custom_id of {fault}. Make the template unique to each request, "
        "or leave custom_id= out and dwbatch makes one. Nothing was sent."
    )


def test_the_first_five_offenders_are_shown_and_the_others_counted() -> None:
    with pytest.raises(InputError, match=r"row 4 \('é4'\) and 3 more is not printable ASCII"):
        ids("é{user}", {"user": pa.array(range(8))}, [*range(8)])


def test_no_rows_have_no_custom_ids() -> None:
    assert ids("{user}", {"user": pa.array([], pa.string())}, []) == []
