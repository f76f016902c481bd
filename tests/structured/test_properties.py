import json
from typing import Any

import jsonschema
import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.answers.structured.fast import compile_fast
from dwbatch.answers.structured.format import read_format
from dwbatch.answers.structured.optional import dropping_fillers, with_fillers
from dwbatch.answers.structured.parse import parse
from dwbatch.answers.structured.strict import make_strict
from dwbatch.typed import to_column

# Surrogates are no text; all else is, quotes and line separators included.
TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=6)
# Within 64 bits: what is beyond fits a schema but no column.
NUMBERS = st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
LEAVES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"type": "string"},
        {"type": "integer"},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "null"},
        {"type": "integer", "minimum": 0, "exclusiveMaximum": 9},
        {"type": "number", "maximum": 0.5},
        {"type": "string", "maxLength": 3},
        {"type": ["integer", "null"]},
        {"enum": ["a", "b"]},
        {"enum": [1, 0, None]},
        {"const": "a"},
        {"type": "integer", "enum": ["a"]},
        {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
    ]
)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    properties = draw(st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
    closed = draw(st.sampled_from([{}, {"additionalProperties": False}]))
    return {"type": "object", "properties": properties, "required": required, **closed}


SCHEMAS = objects(
    st.recursive(
        LEAVES,
        lambda inner: (
            st.builds(lambda one: {"type": "array", "items": one}, inner)
            | st.builds(lambda some: {"anyOf": some}, st.lists(inner, min_size=1, max_size=2))
            | st.builds(lambda some: {"oneOf": some}, st.lists(inner, min_size=1, max_size=2))
            | objects(inner)
        ),
        max_leaves=5,
    )
)


@st.composite
def meant(draw: st.DrawFn, schema: dict[str, Any]) -> Any:
    """A value for a schema; nearly always one that fits."""
    if "anyOf" in schema or "oneOf" in schema:
        return draw(meant(draw(st.sampled_from(schema.get("anyOf") or schema["oneOf"]))))
    if "enum" in schema or "const" in schema:
        return draw(st.sampled_from(schema.get("enum") or [schema["const"]]))
    match schema["type"]:
        case "object":
            return {name: draw(meant(one)) for name, one in schema["properties"].items()}
        case "array":
            return draw(st.lists(meant(schema["items"]), max_size=2))
        case "string":
            return draw(TEXTS)
        case "integer" | ["integer", "null"]:
            return draw(st.integers(0, 8) | st.just(2.0))
        case "number":
            return draw(st.floats(-1e9, 0.5))
        case "boolean":
            return draw(st.booleans())
        case _:
            return None


def is_valid(value: Any, schema: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


@given(st.data())
def test_the_fast_path_says_yes_only_where_the_schema_does(data: st.DataObject) -> None:
    schema = data.draw(SCHEMAS)
    value = data.draw(meant(schema) | JSON)

    is_quick = compile_fast(schema)(value)

    assert not is_quick or is_valid(value, schema)


@given(st.data())
def test_whatever_fits_what_was_sent_is_taken(data: st.DataObject) -> None:
    schema = data.draw(SCHEMAS)
    strict = make_strict(schema)
    value = data.draw(meant(strict))

    fits_sent = is_valid(value, strict)

    assert not fits_sent or "oneOf" in json.dumps(schema) or is_valid(value, with_fillers(schema))


@given(st.data())
def test_without_its_fillers_a_strict_answer_fits_the_schema_as_given(data: st.DataObject) -> None:
    schema = data.draw(SCHEMAS.filter(lambda one: "Of" not in json.dumps(one)))
    strict = make_strict(schema)
    value = data.draw(meant(strict))

    dropped = dropping_fillers(schema)(value)

    assert not is_valid(value, strict) or is_valid(dropped, schema)


@given(st.data())
def test_a_value_that_fits_is_ok_and_any_other_is_a_mismatch(data: st.DataObject) -> None:
    schema = data.draw(SCHEMAS)
    value = data.draw(meant(schema) | JSON)

    found = parse(read_format(schema), pa.array([json.dumps(value)]))

    fits = is_valid(value, with_fillers(schema)) and isinstance(value, dict)
    assert found.error_codes.to_pylist() == [None if fits else "schema_mismatch"]


@given(st.text(alphabet='{}[]",:ab1e-\\untrfls `\n', max_size=30) | TEXTS)
def test_no_text_raises_and_each_is_ok_or_invalid(text: str) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}

    found = parse(read_format(schema), pa.array([text]))

    assert found.error_codes[0].as_py() in {None, "invalid_json", "schema_mismatch"}
    assert found.error_codes.null_count == found.errors.null_count


CLOSED = {
    "text": TEXTS,
    "whole": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(allow_nan=False, allow_infinity=False),
    "truth": st.booleans(),
    "choice": st.sampled_from(["a", "b"]),
    "texts": st.lists(TEXTS, max_size=3),
    "numbers": st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none(), max_size=3),
}
ROW = st.fixed_dictionaries({name: st.none() | value for name, value in CLOSED.items()})
FORMAT = read_format(
    {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "whole": {"type": "integer"},
            "number": {"type": "number"},
            "truth": {"type": "boolean"},
            "choice": {"enum": ["a", "b"]},
            "texts": {"type": "array", "items": {"type": "string"}},
            "numbers": {"type": "array", "items": {"type": ["number", "null"]}},
        },
    }
)


@given(st.lists(st.none() | ROW, max_size=4))
def test_values_come_back_from_their_columns_as_they_were_said(rows: list[dict[str, Any] | None]) -> None:
    texts = pa.array([None if row is None else json.dumps(row) for row in rows], pa.string())

    found = parse(FORMAT, texts)

    out = pd.DataFrame(
        {field.name: to_column(field, values, pd.RangeIndex(len(rows))) for field, values in found.columns}
    )
    nothing = dict.fromkeys(CLOSED)
    assert found.error_codes.null_count == len(rows)
    assert out.astype(object).where(out.notna(), None).to_dict("records") == [row or nothing for row in rows]
