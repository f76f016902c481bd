"""A request is its content, and its custom_id says so."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.prompts.identity import (
    KEY,
    MAX_CUSTOM_ID,
    count_occurrences,
    default_custom_id_sizes,
    default_custom_ids,
    key_of,
    key_texts,
    occurrence_keys,
    recipe_hash,
    request_keys,
)
from dwbatch.prompts.template import parse

from .strategies import texts

CHAT = "/v1/chat/completions"

# Few letters, so that different splits of the same letters are common.
short = st.text("ab", max_size=3)
raw_keys = st.binary(min_size=16, max_size=16)
positions = st.lists(st.integers(0, 2**62), unique=True, min_size=1, max_size=6)


def array(bodies: list[str | None]) -> pa.Array:
    return pa.array(bodies, pa.large_string())


def test_the_key_of_a_request_stays_the_same_from_version_to_version() -> None:
    keys = request_keys(array(['{"model":"m"}']), endpoint=CHAT, edition="")

    assert keys[0].as_py().hex() == "82bcdef749361f551430f12ba7c0f513"


@given(left=st.tuples(short, short, short), right=st.tuples(short, short, short))
def test_keys_are_equal_exactly_where_endpoint_edition_and_body_are(
    left: tuple[str, str, str], right: tuple[str, str, str]
) -> None:
    keys = [
        request_keys(array([body]), endpoint=endpoint, edition=edition)
        for endpoint, edition, body in (left, right)
    ]

    assert (keys[0] == keys[1]) == (left == right)


@given(bodies=st.lists(st.none() | texts, max_size=8), start=st.integers(0, 8), length=st.integers(0, 8))
def test_a_slice_has_the_keys_of_its_own_bodies(bodies: list[str | None], start: int, length: int) -> None:
    start = min(start, len(bodies))
    unsliced = array(bodies[start : start + length])

    keys = request_keys(array(bodies).slice(start, length), endpoint=CHAT)

    assert keys.to_pylist() == request_keys(unsliced, endpoint=CHAT).to_pylist()
    assert keys.to_pylist() == request_keys(array(bodies), endpoint=CHAT).to_pylist()[start : start + length]
    assert keys.is_null().to_pylist() == [body is None for body in unsliced.to_pylist()]
    keys.validate(full=True)


def test_an_empty_body_has_a_key_and_a_null_one_has_none() -> None:
    keys = request_keys(array(["", None]), endpoint=CHAT)

    assert keys.is_null().to_pylist() == [False, True]


@pytest.mark.parametrize("bodies", [array([]), array(["a"]).slice(1), pa.nulls(0, pa.large_string())])
def test_no_bodies_have_no_keys(bodies: pa.Array) -> None:
    keys = request_keys(bodies, endpoint=CHAT)

    assert (len(keys), keys.type) == (0, KEY)


@given(raw=st.lists(st.none() | st.sampled_from([bytes([n]) * 16 for n in range(3)]), max_size=10))
def test_an_occurrence_number_counts_the_equal_keys_before(raw: list[bytes | None]) -> None:
    numbers = count_occurrences(pa.array([None, *raw], KEY).slice(1))

    assert numbers.tolist() == [0 if key is None else raw[:place].count(key) for place, key in enumerate(raw)]


@given(raw=st.lists(st.none() | st.sampled_from([bytes([n]) * 16 for n in range(3)]), max_size=10))
def test_occurrences_tell_equal_requests_apart_and_leave_the_first_alone(raw: list[bytes | None]) -> None:
    keys = pa.array(raw, KEY)
    numbers = count_occurrences(keys)

    told_apart = occurrence_keys(keys, numbers).to_pylist()

    present = [key for key in told_apart if key is not None]
    assert len(set(present)) == len(present)
    assert [key is None for key in told_apart] == [key is None for key in raw]
    assert [after for after, number in zip(told_apart, numbers, strict=True) if number == 0] == [
        before for before, number in zip(raw, numbers, strict=True) if number == 0
    ]


def test_one_more_equal_row_keeps_the_keys_of_those_before() -> None:
    keys = pa.array([b"a" * 16] * 3, KEY)

    three, two = (
        occurrence_keys(part, count_occurrences(part)).to_pylist() for part in (keys, keys.slice(0, 2))
    )

    assert three[:2] == two


@given(raw=st.lists(raw_keys, max_size=6), start=st.integers(0, 6))
def test_the_text_of_a_key_is_its_base32(raw: list[bytes], start: int) -> None:
    letters = key_texts(pa.array(raw, KEY).slice(start)).to_pylist()

    assert [len(text) for text in letters] == [26] * len(letters)
    assert [key_of(f"job-row-0-{text}") for text in letters] == raw[start:]


@given(name=texts | st.text("-row0a", max_size=70), places=positions, draw=st.data())
def test_a_default_custom_id_is_short_plain_unique_and_carries_its_key(
    name: str, places: list[int], draw: st.DataObject
) -> None:
    raw = draw.draw(st.lists(raw_keys, min_size=len(places), max_size=len(places)))

    n_rows = max(places, default=0) + 1

    custom_ids = default_custom_ids(name, np.array(places), pa.array(raw, KEY), n_rows=n_rows).to_pylist()

    sizes = default_custom_id_sizes(name, np.array(places, dtype=np.int64), n_rows=n_rows)
    assert sizes.tolist() == [len(custom_id) for custom_id in custom_ids]
    assert [key_of(custom_id) for custom_id in custom_ids] == raw
    assert all(custom_id.isascii() and custom_id.isprintable() for custom_id in custom_ids)
    assert max(map(len, custom_ids)) <= MAX_CUSTOM_ID
    assert len(set(custom_ids)) == len(custom_ids)


def test_a_default_custom_id_names_job_row_and_key() -> None:
    custom_ids = default_custom_ids("my reviews/2026", np.array([7]), pa.array([bytes(16)], KEY), n_rows=8)

    assert custom_ids.to_pylist() == ["my-reviews-2026-row-7-" + "a" * 26]


def test_a_long_name_is_cut_so_that_the_longest_position_fits() -> None:
    custom_ids = default_custom_ids(
        "n" * 99, np.array([0, 10**18]), pa.array([bytes(16)] * 2, KEY), n_rows=10**18 + 1
    ).to_pylist()

    assert [len(custom_id) for custom_id in custom_ids] == [46, 64]
    assert {custom_id.partition("-row-")[0] for custom_id in custom_ids} == {"n" * 13}


def test_no_rows_have_no_custom_ids() -> None:
    assert len(default_custom_ids("job", np.zeros(0, dtype=np.int64), pa.array([], KEY), n_rows=0)) == 0


@pytest.mark.parametrize(
    "custom_id",
    [
        "",
        "user-7",
        "job-row-7-" + "a" * 25,
        "job-row-7-" + "a" * 27,
        "job-row-7-" + "A" * 26,
        "job-row-7-" + "a" * 25 + "b",
        "job-row-7-" + "1" * 26,
        "job-row-7-" + "é" * 26,
        "job-row-7-" + "ß" * 13,
        "job-row--" + "a" * 26,
        "job-row-x-" + "a" * 26,
        "job-row-\N{ARABIC-INDIC DIGIT SEVEN}-" + "a" * 26,
        "seven-row-boats-" + "a" * 26,
        "job-row-7-" + "a" * 26 + "\n",
        "a" * 26,
    ],
)
def test_a_custom_id_of_the_users_own_carries_no_key(custom_id: str) -> None:
    assert key_of(custom_id) is None


RECIPE: dict[str, Any] = {
    "server": "https://api.doubleword.ai/v1",
    "endpoint": CHAT,
    "body": {"model": "m", "messages": [{"role": "user", "content": parse("{text}")}], "temperature": 0.5},
    "edition": "",
}


def test_the_recipe_hash_stays_the_same_from_version_to_version() -> None:
    assert recipe_hash(**RECIPE) == "b6408fbf652e97f9"


@pytest.mark.parametrize(
    "change",
    [
        {"server": "local"},
        {"endpoint": "/v1/responses"},
        {"edition": "second"},
        {"body": RECIPE["body"] | {"model": "n"}},
        {"body": RECIPE["body"] | {"temperature": 0.6}},
        {"body": RECIPE["body"] | {"seed": 1}},
        {"body": RECIPE["body"] | {"messages": [{"role": "user", "content": parse("{text} ")}]}},
        {"body": RECIPE["body"] | {"messages": [{"role": "user", "content": parse("{text!r}")}]}},
        {"body": RECIPE["body"] | {"messages": [{"role": "user", "content": "{text}"}]}},
        {"body": RECIPE["body"] | {"messages": [{"role": "system", "content": parse("{text}")}]}},
    ],
)
def test_whatever_makes_the_requests_makes_the_recipe(change: dict[str, Any]) -> None:
    assert recipe_hash(**RECIPE | change) != recipe_hash(**RECIPE)


@pytest.mark.parametrize(
    "same",
    [
        lambda body: dict(reversed(body.items())),
        lambda body: body | {"messages": tuple(body["messages"])},
        MappingProxyType,
        lambda body: body | {"temperature": np.float64(0.5)},
    ],
    ids=["other order", "tuple", "another mapping", "numpy number"],
)
def test_how_a_recipe_is_spelt_does_not_matter(same: Callable[[dict[str, Any]], object]) -> None:
    assert recipe_hash(**RECIPE | {"body": same(RECIPE["body"])}) == recipe_hash(**RECIPE)


def test_a_recipe_that_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError, match="bytes is not JSON"):
        recipe_hash(**RECIPE | {"body": {"model": b"m"}})
