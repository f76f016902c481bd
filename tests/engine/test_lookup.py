"""A key is found where it stands, and nowhere if it is not there."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.engine.lookup import KeyIndex
from dwbatch.prompts.identity import KEY

# First halves of two kinds only, so that many keys share one.
KEYS = st.tuples(st.sampled_from([b"a" * 8, b"b" * 8]), st.binary(min_size=8, max_size=8)).map(b"".join)


@given(
    held=st.lists(KEYS, unique=True, max_size=30), asked=st.lists(KEYS, max_size=30), skip=st.integers(0, 3)
)
def test_a_key_is_found_at_its_place_even_where_halves_are_shared(
    held: list[bytes], asked: list[bytes], skip: int
) -> None:
    keys = pa.array([*[bytes(16)] * skip, *held], KEY).slice(skip)
    asked = [*asked, *held]

    found = KeyIndex.of(keys).find(pa.array(asked, KEY))

    places = {key: place for place, key in enumerate(held)}
    assert found.tolist() == [places.get(key, -1) for key in asked]


@given(
    held=st.lists(KEYS, unique=True, max_size=30),
    asked=st.sets(st.sampled_from([b"a" * 8, b"b" * 8, b"c" * 8])),
)
def test_keys_are_found_by_their_first_halves(held: list[bytes], asked: set[bytes]) -> None:
    index = KeyIndex.of(pa.array(held, KEY))

    found = index.starting([*(half.hex() for half in asked), "", "no half", "AAAAAAAAAAAAAAAA"])

    assert sorted(found.tolist()) == [place for place, key in enumerate(held) if key[:8] in asked]


@given(held=st.lists(KEYS, unique=True, max_size=30), asked=st.lists(KEYS, max_size=30))
def test_a_mask_says_of_each_key_whether_it_is_among_others(held: list[bytes], asked: list[bytes]) -> None:
    asked += held[::2]

    mask = KeyIndex.of(pa.array(held, KEY)).mask(pa.array(asked, KEY))

    assert mask.tolist() == [key in asked for key in held]
