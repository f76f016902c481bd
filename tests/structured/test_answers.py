import dataclasses
import datetime as dt
import json
from typing import Annotated, Any, Literal

import pyarrow as pa
import pytest
from pydantic import AfterValidator, BaseModel, Field, RootModel, field_validator

from dwbatch.answers.structured.format import read_format
from dwbatch.answers.structured.parse import parse
from dwbatch.answers.structured.violations import LONGEST_REASON
from tests.structured.answering import fate, kept, parsed

LABEL = Literal["pos", "neg"]


@dataclasses.dataclass
class Review:
    label: LABEL
    stars: int = 3


def wrapped(value: object) -> str:
    return json.dumps({"value": value})


@pytest.mark.parametrize(
    ("kind", "said", "held"),
    [
        (LABEL, "pos", "pos"),
        (bool, True, True),
        (int, 3, 3),
        (int, 3.0, 3),
        (int, -(2**63), -(2**63)),
        (float, 3, 3.0),
        (float | int, 3, 3.0),
        (Literal[1, 2], 2.0, 2),
        (str, "3\u2028", "3\u2028"),
        (LABEL | None, None, None),
        (list[float], [1, 0.5], (1.0, 0.5)),
        (list[int | None], [1, None], (1, None)),
        (list[list[int]], [[1], []], ((1,), ())),
        (list[Review], [{"label": "pos", "stars": 1}], ('{"label": "pos", "stars": 1}',)),
        (list[dt.date], ["2026-01-02"], ("2026-01-02",)),
        (int | str, "3", '"3"'),
        (str | dt.date, "3", "3"),
        ({"anyOf": [{"enum": ["a", "b"]}, {"const": "c"}]}, "c", "c"),
        (dt.date, "2026-01-02", dt.date(2026, 1, 2)),
        (dt.datetime, "2026-01-02T03:04:05", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
        (dt.datetime, "2026-01-02T03:04:05+02:00", dt.datetime(2026, 1, 2, 1, 4, 5, tzinfo=dt.UTC)),
        ({"type": ["integer", "null"]}, None, None),
        ({"type": ["integer", "number"]}, 1, 1.0),
        ({"enum": ["a", 1, None]}, "a", '"a"'),
        ({"enum": [0, 0.5, 1]}, 1, 1.0),
        ({"enum": [True, False]}, True, True),
    ],
)
def test_a_value_is_held_as_its_type_says(kind: object, said: object, held: object) -> None:
    values = kept(kind, wrapped(said))

    assert values == (held,)
    assert type(values[0]) is type(held)


@pytest.mark.parametrize(
    ("kind", "said", "error"),
    [
        (LABEL, "meh", "at $.value: 'meh' is not one of ['pos', 'neg']"),
        (int, "3", "at $.value: '3' is not of type 'integer'"),
        (int, True, "at $.value: True is not of type 'integer'"),
        (int, 3.5, "at $.value: 3.5 is not of type 'integer'"),
        (bool, "true", "at $.value: 'true' is not of type 'boolean'"),
        (bool, 1, "at $.value: 1 is not of type 'boolean'"),
        (Literal[1, 2], True, "at $.value: True is not of type 'integer'"),
        (str, None, "at $.value: None is not of type 'string'"),
        (list[int], [1, "2"], "at $.value[1]: '2' is not of type 'integer'"),
        (int, 2**63, "at $.value: 9223372036854775808 is beyond the 64 bits of a column of integers"),
        (dt.date, "today", "at $.value: 'today' is not a date"),
        (dt.date, "2026-01-02T03:04:05", "at $.value: '2026-01-02T03:04:05' is not a date"),
        (dt.datetime, "0001-01-01T00:00:00+14:00", "at $.value: '0001-01-01T00:00:00+14:00' is not a time"),
        (
            {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
            [1, 1],
            "at $.value: [1, 1] has non-unique elements",
        ),
        ({"type": "string", "pattern": "^a(?!b)"}, "ab", "at $.value: 'ab' does not match '^a(?!b)'"),
        (
            {"oneOf": [{"type": "integer"}, {"type": "number"}]},
            1,
            "at $.value: 1 is valid under each of {'type': 'number'}, {'type': 'integer'}",
        ),
    ],
)
def test_a_value_of_another_type_is_a_mismatch_at_its_place(kind: object, said: object, error: str) -> None:
    assert fate(kind, wrapped(said)) == ("schema_mismatch", error)


@pytest.mark.parametrize(
    ("text", "code", "error"),
    [
        ("positive", "invalid_json", "The answer is not JSON: 'positive'"),
        ("x" * 100, "invalid_json", f"The answer is not JSON: '{'x' * 80}'…"),
        ('"pos"', "schema_mismatch", "at $: 'pos' is not of type 'object'"),
        ("{}", "schema_mismatch", "at $: 'value' is a required property"),
        (
            '{"value": "pos"} or {"value": "neg"}',
            "schema_mismatch",
            "at $: 2 different objects fit, and which is meant cannot be told",
        ),
        ('{"value": 1} or {}', "schema_mismatch", "at $.value: 1 is not of type 'string'"),
    ],
)
def test_a_text_that_does_not_fit_says_why(text: str, code: str, error: str) -> None:
    assert fate(LABEL, text) == (code, error)


@pytest.mark.parametrize("text", ['{"draft": 1} so {"value": "pos"}', '{"value": "pos"} = {"value": "pos"}'])
def test_of_several_objects_the_one_that_fits_is_the_answer(text: str) -> None:
    assert kept(LABEL, text) == ("pos",)


def test_a_reason_is_cut_to_a_bounded_length() -> None:
    code, error = fate(LABEL, wrapped("x" * 10_000))

    assert code == "schema_mismatch"
    assert error is not None
    assert len(error) == LONGEST_REASON
    assert error.endswith("…")


def test_what_a_strict_answer_cannot_leave_out_may_be_left_out_null_or_there() -> None:
    assert kept(Review, '{"label": "pos"}') == ("pos", None)
    assert kept(Review, '{"label": "pos", "stars": null}') == ("pos", None)
    assert kept(Review, '{"label": "pos", "stars": 5}') == ("pos", 5)
    assert fate(Review, '{"label": "pos", "stars": "5"}') == (
        "schema_mismatch",
        "at $.stars: '5' is not of type 'integer'",
    )


def test_what_was_not_asked_is_left_out_unless_the_schema_forbids_it() -> None:
    opened = {"type": "object", "properties": {"a": {"type": "integer"}}}

    assert kept(opened, '{"a": 1, "b": 2}') == (1,)
    assert fate({**opened, "additionalProperties": False}, '{"a": 1, "b": 2}')[0] == "schema_mismatch"


def test_an_object_without_a_stated_type_must_be_an_object_all_the_same() -> None:
    assert fate({"properties": {"a": {"type": "integer"}}}, "[1]") == (
        "schema_mismatch",
        "at $: the answer is JSON but no object",
    )


def test_json_object_keeps_any_object_as_text() -> None:
    assert kept("json_object", 'So: {"b": [1.0, "é"]}') == ('{"b": [1.0, "é"]}',)
    assert fate("json_object", "[1]") == ("schema_mismatch", "at $: the answer is JSON but no object")


class Inner(BaseModel):
    name: str
    rank: int = 7
    note: str | None = "none"


class Outer(BaseModel):
    label: LABEL
    score: Annotated[float, Field(ge=0, le=1)] = 0.5
    inner: Inner | None = None
    many: list[Inner] = []
    code: str = Field(default="x", alias="the code")

    @field_validator("code")
    @classmethod
    def _upper(cls, code: str) -> str:
        if code == "lost":
            raise KeyError(code)
        if code == "bad":
            raise ValueError("it is bad")
        return code.upper()


def outer(**properties: object) -> str:
    everything = {"label": "pos", "score": None, "inner": None, "many": None, "the code": None}
    return json.dumps(everything | properties)


def test_a_null_for_what_has_a_default_makes_the_default() -> None:
    inner = {"name": "a", "rank": None, "note": None}

    values = kept(Outer, outer(inner=inner, many=[inner]))

    made = '{"name": "a", "rank": 7, "note": null}'
    assert values == ("pos", 0.5, made, (made,), "x")


def test_what_a_validator_makes_of_a_value_stands_under_the_name_on_the_wire() -> None:
    found = read_format(Outer)

    assert [field.name for field in found.fields][-1] == "the code"
    assert found.read(outer(**{"the code": "abc"})).values[-1] == "ABC"


def test_a_validator_that_refuses_is_a_mismatch_at_its_place() -> None:
    assert fate(Outer, outer(**{"the code": "bad"})) == (
        "schema_mismatch",
        "at $.the code: Value error, it is bad",
    )


def test_a_validator_that_breaks_costs_its_own_row_only() -> None:
    found = parsed(Outer, outer(**{"the code": "lost"}), outer())

    assert found.error_codes.to_pylist() == ["schema_mismatch", None]
    assert found.errors[0].as_py() == "at $: judging it raised KeyError: 'lost'"


def test_a_lenient_class_does_not_make_a_text_a_number() -> None:
    assert fate(Outer, outer(score="0.5")) == ("schema_mismatch", "at $.score: '0.5' is not of type 'number'")


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("odd")
    return value


class Names(RootModel[list[Annotated[int, AfterValidator(_even)]]]):
    pass


@pytest.mark.parametrize("kind", [Names, list[Annotated[int, Field(ge=0), AfterValidator(_even)]]])
def test_validators_within_a_bare_type_are_heard(kind: object) -> None:
    assert kept(kind, wrapped([2])) == ((2,),)
    assert fate(kind, wrapped([2, 3])) == ("schema_mismatch", "at $[1]: Value error, odd")


def test_an_object_of_either_of_two_classes_loses_the_nulls_of_its_own() -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]
        lives: int = 9

    class Dog(BaseModel):
        kind: Literal["dog"]
        tricks: list[str] = ["sit"]

    @dataclasses.dataclass
    class Home:
        pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None

    assert kept(Home, '{"pet": {"kind": "cat", "lives": null}}') == ('{"kind": "cat", "lives": 9}',)
    assert kept(Home, '{"pet": {"kind": "dog", "tricks": null}}') == ('{"kind": "dog", "tricks": ["sit"]}',)


def test_a_property_that_is_written_under_another_name_is_kept_as_it_came() -> None:
    class Renamed(BaseModel):
        code: int = Field(validation_alias="read", serialization_alias="written")
        secret: int = Field(exclude=True)

    assert kept(Renamed, '{"read": 1, "secret": 2}') == (1, 2)


def test_rows_without_a_text_have_neither_values_nor_errors() -> None:
    found = parsed(LABEL, None, wrapped("pos"), None, "?", f"So: {wrapped('pos')}")

    assert [values for _, values in found.columns] == [[None, "pos", None, None, "pos"]]
    assert found.error_codes.to_pylist() == [None, None, None, "invalid_json", None]
    assert found.had_prose.to_pylist() == [None, False, None, None, True]


@pytest.mark.parametrize("texts", [[], [None, None]])
def test_no_text_at_all_makes_columns_all_the_same(texts: list[None]) -> None:
    found = parse(read_format(Review), pa.chunked_array([pa.array(texts, pa.string())]))

    assert [(field.name, values) for field, values in found.columns] == [("label", texts), ("stars", texts)]
    assert found.errors.to_pylist() == texts
    assert found.errors.type == found.error_codes.type == pa.string()


def test_each_distinct_text_is_read_once() -> None:
    seen: list[int] = []

    def note(value: int) -> int:
        seen.append(value)
        return value

    kind: Any = list[Annotated[int, AfterValidator(note), Field()]]
    parsed(kind, *[wrapped([1])] * 3)

    assert seen == [1]
