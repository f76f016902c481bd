"""A body is written as json.dumps would write it, only faster."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.errors import InputError
from dwbatch.prompts.encode import Skeleton, canonical, compile_body, encode, join
from dwbatch.prompts.escape import escape
from dwbatch.prompts.template import Slot, Template, parse

from .strategies import AWKWARD, brief, exact_integers, texts

literals = texts.map(lambda text: text.replace("{", "{{").replace("}", "}}"))
templates = st.builds("{}{{a}}{}{{b}}{}".format, literals, literals, literals).map(parse)
finite = st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | st.integers() | finite | texts | templates
bodies = st.dictionaries(
    texts,
    st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def reference(body: object, row: dict[str, str]) -> str:
    filled = _filled(body, row)
    return json.dumps(filled, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _filled(value: object, row: dict[str, str]) -> object:
    if isinstance(value, Template):
        return "".join(row[part.name] if isinstance(part, Slot) else part for part in value.parts)
    if isinstance(value, dict):
        return {key: _filled(inner, row) for key, inner in value.items()}
    return [_filled(inner, row) for inner in value] if isinstance(value, list) else value


@given(
    body=bodies,
    rows=st.lists(st.fixed_dictionaries({"a": texts, "b": texts}), max_size=4),
    arrow=st.booleans(),
)
def test_a_body_has_exactly_the_bytes_of_canonical_json(
    body: dict[str, object], rows: list[dict[str, str]], *, arrow: bool
) -> None:
    cells = {name: [row[name] for row in rows] for name in "ab"}
    columns = {name: pa.array(values, pa.string()) for name, values in cells.items()} if arrow else cells

    encoded = encode(compile_body(body), columns, n_rows=len(rows))

    assert [line.encode() for line in encoded.bodies.to_pylist()] == [
        reference(body, row).encode() for row in rows
    ]
    assert [json.loads(line) for line in encoded.bodies.to_pylist()] == [_filled(body, row) for row in rows]


@given(body=bodies)
def test_a_body_of_one_row_written_at_once_is_the_same_as_one_of_many(body: dict[str, object]) -> None:
    row = {"a": "{b}", "b": '"'}

    encoded = encode(compile_body(body), {name: [text] for name, text in row.items()}, n_rows=1)

    assert canonical(_filled(body, row)) == encoded.bodies[0].as_py()


def test_each_awkward_character_is_escaped_as_json_does_and_no_other() -> None:
    alone = [*AWKWARD, *map(chr, range(0x100))]

    escaped = escape(pa.array(alone, pa.large_string())).to_pylist()

    assert escaped == [json.dumps(character, ensure_ascii=False)[1:-1] for character in alone]


@brief
@given(values=st.lists(st.none() | texts, min_size=2, max_size=6))
def test_a_slice_is_escaped_as_its_own_values(values: list[str | None]) -> None:
    column = pa.array(values, pa.large_string())

    assert escape(column.slice(1)).to_pylist() == escape(pa.array(values[1:], pa.large_string())).to_pylist()


@given(values=st.lists(st.none() | st.text('aé"\\\n\t\x00\x1b\x7f'), max_size=6), start=st.integers(0, 3))
def test_every_text_of_a_column_is_escaped_as_if_it_stood_alone(values: list[str | None], start: int) -> None:
    column = pa.array(values, pa.large_string()).slice(start)

    escaped = escape(column)

    escaped.validate(full=True)
    assert escaped.to_pylist() == [
        None if value is None else json.dumps(value, ensure_ascii=False)[1:-1] for value in values[start:]
    ]


def test_texts_without_anything_to_escape_are_not_copied() -> None:
    column = pa.array(["plain", None, "é\x7f"], pa.large_string())

    assert escape(column) is column


def test_a_skeleton_holds_the_constant_json_around_its_slots() -> None:
    skeleton = compile_body(
        {"model": "m", "messages": [{"role": "user", "content": parse('say "{x}"\n{y!r}')}]}
    )

    assert skeleton == Skeleton(
        fragments=('{"messages":[{"content":"say \\"', '\\"\\n', '","role":"user"}],"model":"m"}'),
        slots=(Slot("x"), Slot("y", "r")),
    )


def test_a_number_from_numpy_is_written_as_a_number() -> None:
    body = {"seed": np.int64(7), "temperature": np.float64(0.5), "top_p": np.float32(0.5), "flag": np.True_}

    assert compile_body(body).fragments == ('{"flag":true,"seed":7,"temperature":0.5,"top_p":0.5}',)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_cannot_say_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        compile_body({"temperature": value})


@pytest.mark.parametrize("body", [{"x": b"bytes"}, {"x": {1, 2}}, {"x": object()}, {1: "x"}])
def test_a_body_that_is_not_json_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(TypeError, match=r"is not JSON|must be a string"):
        compile_body(body)


@pytest.mark.parametrize("body", [{"x": "\ud800"}, {"\ud800": 1}])
def test_a_lone_surrogate_in_the_constant_part_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(InputError, match="The request body holds the lone surrogate"):
        compile_body(body)


def test_a_missing_value_skips_its_row_and_no_other() -> None:
    skeleton = compile_body({"content": parse("{x} and {y}")})
    columns = {"x": pa.array([1, None, 3, 4]), "y": ["a", "b", float("nan"), "d"]}

    encoded = encode(skeleton, columns, n_rows=4)

    assert encoded.bodies.to_pylist() == ['{"content":"1 and a"}', None, None, '{"content":"4 and d"}']
    assert encoded.skipped.to_pylist() == [None, "null_input", "null_input", None]


def test_a_missing_value_is_empty_text_when_asked_for() -> None:
    skeleton = compile_body({"content": parse("<{x}>")})

    encoded = encode(skeleton, {"x": ["a", None, "\ud800"]}, n_rows=3, null_as_empty=True)

    assert encoded.bodies.to_pylist() == ['{"content":"<a>"}', '{"content":"<>"}', None]
    assert encoded.skipped.to_pylist() == [None, None, "unencodable_input"]


def test_a_lone_surrogate_is_told_from_a_missing_value() -> None:
    skeleton = compile_body({"content": parse("{x}{y}")})

    encoded = encode(skeleton, {"x": ["a", "\udfff", None], "y": ["b", None, "c"]}, n_rows=3)

    assert encoded.bodies.to_pylist() == ['{"content":"ab"}', None, None]
    assert encoded.skipped.to_pylist() == [None, "unencodable_input", "null_input"]


def test_a_body_without_slots_is_the_same_for_every_row() -> None:
    encoded = encode(compile_body({"content": "hello"}), {}, n_rows=2)

    assert encoded.bodies.to_pylist() == ['{"content":"hello"}'] * 2
    assert encoded.skipped.to_pylist() == [None, None]


@pytest.mark.parametrize("content", ["hello", parse("{x}")])
def test_no_rows_make_no_bodies_of_the_same_types(content: object) -> None:
    encoded = encode(compile_body({"content": content}), {"x": pa.array([], pa.string())}, n_rows=0)

    assert (len(encoded.bodies), encoded.bodies.type) == (0, pa.large_string())
    assert (len(encoded.skipped), encoded.skipped.type) == (0, pa.string())


def test_a_cell_that_looks_like_a_template_is_only_text() -> None:
    skeleton = compile_body({"content": parse("{x}")})

    encoded = encode(skeleton, {"x": ["{y} {{z}} {", "secret"], "y": ["secret", "{x}"]}, n_rows=2)

    assert json.loads(encoded.bodies[0].as_py()) == {"content": "{y} {{z}} {"}


def test_a_column_used_twice_is_printed_at_each_place_in_its_own_way() -> None:
    skeleton = compile_body({"content": parse("{x} {x:.2f} {x}")})

    encoded = encode(skeleton, {"x": pa.array([1.0, 0.5])}, n_rows=2)

    assert encoded.bodies.to_pylist() == ['{"content":"1 1.00 1"}', '{"content":"0.5 0.50 0.5"}']


@brief
@given(numbers=st.lists(exact_integers | st.none(), max_size=5))
def test_join_is_null_where_a_filling_is(numbers: list[int | None]) -> None:
    filling = pa.array([None if number is None else str(number) for number in numbers], pa.large_string())

    joined = join(("<", "|", ">"), [filling, filling], n_rows=len(numbers))

    assert joined.to_pylist() == [None if number is None else f"<{number}|{number}>" for number in numbers]
