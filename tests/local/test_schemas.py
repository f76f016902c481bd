import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.local import Server, schemas
from dwbatch.local.patterns import UnsupportedPatternError, matching
from dwbatch.local.schemas import NoValueError
from tests.local.asking import brief, create, finish, line, read, upload_bytes

NAMES = st.text("abc", min_size=1, max_size=3)
BOUNDS = st.integers(-20, 20)


def an_object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def numbers(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda least, span, names, step: {
            "type": kind,
            names[0]: least,
            names[1]: least + span + 2,
            **({"multipleOf": step} if step else {}),
        },
        BOUNDS,
        st.integers(0, 10),
        st.sampled_from(
            [("minimum", "maximum"), ("exclusiveMinimum", "maximum"), ("minimum", "exclusiveMaximum")]
        ),
        st.sampled_from([None, 1, 2] if kind == "integer" else [None, 1, 0.5, 0.1, 0.01]),
    )


TEXTS = st.one_of(
    st.just({"type": "string"}),
    st.builds(lambda kind: {"type": "string", "format": kind}, st.sampled_from(sorted(schemas._FORMATS))),
    st.builds(
        lambda least, span: {"type": "string", "minLength": least, "maxLength": least + span},
        st.integers(0, 90),
        st.integers(0, 9),
    ),
    st.builds(
        lambda pattern: {"type": "string", "pattern": pattern},
        st.sampled_from(
            [r"^@[a-z_]+$", r"^\+?[0-9]{3,5}$", r"^(yes|no|[A-C]-\d)$", r"[^a-z]{2}", r"^\w+\.\w{2,}$"]
        ),
    ),
)
LEAVES = st.one_of(
    TEXTS,
    numbers("integer"),
    numbers("number"),
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": "null"},
            {"type": "integer"},
            {"type": ["string", "null"]},
            {"const": 7},
        ]
    ),
    st.builds(lambda words: {"type": "string", "enum": words}, st.lists(NAMES, min_size=1)),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(NAMES, inner, max_size=3).map(an_object),
        st.builds(
            lambda item, least, span: {
                "type": "array",
                "items": item,
                "minItems": least,
                "maxItems": least + span,
            },
            inner,
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
    ),
    max_leaves=8,
)


@brief
@given(SCHEMAS, st.text(max_size=100))
def test_a_value_fits_its_schema_and_is_the_same_again(schema: dict[str, Any], said: str) -> None:
    made = schemas.value(schema, said)

    checker = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    assert [error.message for error in checker.iter_errors(made)] == []
    assert schemas.value(schema, said) == made


TREE = {
    "$defs": {
        "node": an_object(
            {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            }
        )
    },
    "$ref": "#/$defs/node",
}


PAIR = {"type": "array", "items": {"$ref": "#"}, "minItems": 2, "maxItems": 2}
# Left to chance, such a sum would grow for ever: two branches of three are pairs.
SUM = {"anyOf": [PAIR, {**PAIR, "description": "other"}, {"type": "integer"}]}


@brief
@given(st.sampled_from([TREE, SUM]), st.text(max_size=20))
def test_a_recursive_schema_comes_to_an_end(schema: dict[str, Any], said: str) -> None:
    made = schemas.value(schema, said)

    jsonschema.validate(made, schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"$ref": "#"},
        {"$ref": "#/$defs/nowhere"},
        {"type": "whole number"},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"type": "string", "pattern": r"(?=a)b"},
        {"type": "string", "minLength": 10**12},
        {"type": "array", "items": {"type": "null"}, "minItems": 10**12},
        {"type": "string", "pattern": "((a{999}){999}){999}"},
        {
            "$defs": {
                str(n): an_object({"a": {"$ref": f"#/$defs/{n + 1}"}, "b": {"$ref": f"#/$defs/{n + 1}"}})
                for n in range(60)
            }
            | {"60": {"type": "null"}},
            "$ref": "#/$defs/0",
        },
        "not a schema",
    ],
)
def test_a_schema_that_nothing_fits_is_refused(schema: Any) -> None:
    with pytest.raises(NoValueError):
        schemas.value(schema, "x")


def test_conjunctions_are_held_together() -> None:
    schema = {
        "allOf": [
            {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"type": "boolean"}}, "required": ["b"]},
        ],
        "type": "object",
    }

    made = schemas.value(schema, "x")

    jsonschema.validate(made, schema)
    assert set(made) == {"a", "b"}


@brief
@given(
    st.sampled_from(
        [
            r"^\d{3}-\d{4}$",
            r"^(?:red|green|blue)+$",
            r"^[\w.+-]+@[a-z]+\.(com|org)$",
            r"^#[0-9A-Fa-f]{6}$",
            r"^[^\s]+ ?\(x\)$",
            r"^a*b+c?.$",
            r"^[]a-]{2}$",
        ]
    ),
    st.integers(0, 10_000),
)
def test_a_text_fits_its_pattern(pattern: str, seed: int) -> None:
    assert re.search(pattern, matching(pattern, lambda most: seed % most))


@pytest.mark.parametrize("pattern", [r"(?<=a)b", r"(a)\1", r"[a", r"(a", r"a)"])
def test_a_pattern_that_cannot_be_written_is_refused(pattern: str) -> None:
    with pytest.raises(UnsupportedPatternError):
        matching(pattern, lambda _: 0)


def answered(**body: Any) -> dict[str, Any]:
    with Server() as server:
        content = json.dumps(line("a", **body)).encode()
        batch = finish(server, create(server, upload_bytes(server, content)))
        (found,) = read(server, batch["output_file_id"]) + read(server, batch["error_file_id"])
        return found


def test_the_echo_answers_in_the_shape_it_is_asked_for() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "tree", "schema": TREE, "strict": True}}

    (choice,) = answered(response_format=wanted)["response"]["body"]["choices"]

    jsonschema.validate(json.loads(choice["message"]["content"]), TREE)


def test_the_echo_calls_the_function_that_is_insisted_on() -> None:
    parameters = an_object({"city": {"type": "string"}})
    tools = [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]

    (choice,) = answered(tools=tools, tool_choice="required")["response"]["body"]["choices"]

    (call,) = choice["message"]["tool_calls"]
    assert (call["function"]["name"], choice["finish_reason"]) == ("weather", "tool_calls")
    jsonschema.validate(json.loads(call["function"]["arguments"]), parameters)


def test_the_echo_stops_where_it_is_told_to() -> None:
    (choice,) = answered(max_tokens=2)["response"]["body"]["choices"]

    assert (choice["message"]["content"], choice["finish_reason"]) == ("echo: sa", "length")


def test_a_schema_that_nothing_fits_fails_the_row_with_400() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nonsense"}}}

    failed = answered(response_format=wanted)

    assert json.loads(failed["error"]["message"])["details"]["status"] == 400
