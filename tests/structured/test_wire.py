import dataclasses
import datetime as dt
import enum
import json
from typing import Annotated, Any, ClassVar, Literal, NotRequired, TypedDict

import pytest
from pydantic import BaseModel, Field, RootModel

from dwbatch.answers.structured.format import read_format


class Color(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Stars(enum.Enum):
    ONE = 1
    TWO = 2


@dataclasses.dataclass
class Review:
    label: Literal["pos", "neg"]
    stars: int = 3
    reasons: list[str] = dataclasses.field(default_factory=list)
    version: ClassVar[int] = 1


class Place(TypedDict):
    city: str
    zip: NotRequired[str]


class Person(BaseModel):
    name: str = Field(description="as written")
    born: dt.date | None = None
    friends: list["Person"] = []


def schema_sent(response_format: object) -> Any:
    return read_format(response_format).wire["json_schema"]["schema"]


def value_sent(response_format: object) -> Any:
    return schema_sent(response_format)["properties"]["value"]


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        (str, {"type": "string"}),
        (bool, {"type": "boolean"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (dt.datetime, {"type": "string", "format": "date-time"}),
        (dt.date, {"type": "string", "format": "date"}),
        (Literal["pos", "neg"], {"type": "string", "enum": ["pos", "neg"]}),
        (Literal[Color.RED, "green"], {"type": "string", "enum": ["red", "green"]}),
        (Literal[1, 2, 3], {"type": "integer", "enum": [1, 2, 3]}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Color, {"type": "string", "enum": ["red", "blue"]}),
        (Stars, {"type": "integer", "enum": [1, 2]}),
        (list[str], {"type": "array", "items": {"type": "string"}}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Annotated[int, "stars"], {"type": "integer"}),
    ],
)
def test_a_bare_type_is_sent_as_the_one_property_of_an_object(kind: object, sent: dict[str, Any]) -> None:
    found = read_format(kind)

    assert found.is_single
    assert found.wire["json_schema"]["schema"] == {
        "type": "object",
        "properties": {"value": sent},
        "required": ["value"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("given", ["json_object", {"type": "json_object"}])
def test_json_object_is_sent_as_such(given: object) -> None:
    assert read_format(given).wire == {"type": "json_object"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Person, "Person"),
        (Review, "Review"),
        (Color, "Color"),
        (Literal["a"], "answer"),
        (list[Person], "answer"),
        (
            {"title": "Bon à savoir", "type": "object", "properties": {"a": {"type": "string"}}},
            "Bon___savoir",
        ),
        ({"type": "string", "title": "x" * 70}, "x" * 64),
    ],
)
def test_the_name_on_the_wire_is_one_that_servers_take(kind: object, name: str) -> None:
    assert read_format(kind).wire["json_schema"]["name"] == name


def test_every_property_is_required_and_one_with_a_default_may_be_null() -> None:
    assert schema_sent(Review) == {
        "type": "object",
        "properties": {
            "label": {"type": "string", "enum": ["pos", "neg"]},
            "stars": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "reasons": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]},
        },
        "required": ["label", "stars", "reasons"],
        "additionalProperties": False,
    }


def test_a_key_that_is_not_required_may_be_null() -> None:
    assert schema_sent(Place)["properties"]["zip"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}


def test_a_property_that_may_be_null_anyhow_is_not_made_so_again() -> None:
    assert schema_sent(Person)["properties"]["born"] == {
        "anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]
    }


def test_a_class_that_holds_itself_keeps_its_definition() -> None:
    sent = schema_sent(Person)

    assert sent["type"] == "object"
    assert "$ref" not in sent
    assert sent["$defs"]["Person"]["properties"]["friends"]["anyOf"][0] == {
        "type": "array",
        "items": {"$ref": "#/$defs/Person"},
    }
    assert sent["$defs"]["Person"]["additionalProperties"] is False


def test_definitions_stay_at_the_root_when_a_list_of_classes_is_wrapped() -> None:
    sent = schema_sent(list[Person])

    assert sent["properties"]["value"] == {"type": "array", "items": {"$ref": "#/$defs/Person"}}
    assert sent["$defs"]["Person"]["properties"]["name"] == {"type": "string", "description": "as written"}


def test_a_dataclass_with_a_model_inside_is_an_object_of_its_own_fields() -> None:
    @dataclasses.dataclass
    class Pair:
        one: Person
        score: Annotated[int, Field(ge=0)]

    sent = schema_sent(Pair)

    assert sent["properties"]["one"] == {"$ref": "#/$defs/Person"}
    assert sent["properties"]["score"] == {"type": "integer", "minimum": 0}


def test_a_schema_written_for_the_api_is_read_as_it_stands() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}}

    found = read_format({"type": "json_schema", "json_schema": {"name": "mine", "schema": inner}})

    assert found.wire["json_schema"]["name"] == "mine"
    assert [field.name for field in found.fields] == ["a"]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"const": "a"}, {"enum": ["a"]}),
        (
            {"oneOf": [{"type": "string"}, {"type": "null"}]},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
        ),
        ({"allOf": [{"type": "string"}], "description": "d"}, {"type": "string", "description": "d"}),
        ({"type": "string", "format": "uri", "title": "T", "default": "x"}, {"type": "string"}),
        ({"type": "string", "format": "email"}, {"type": "string", "format": "email"}),
        ({"type": "string", "pattern": "^a(?!b)"}, {"type": "string"}),
        ({"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^a"}),
        (
            {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 1},
            {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        ),
    ],
)
def test_what_servers_do_not_take_is_reworded_or_left_out(
    given: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert value_sent(given) == sent


def test_columns_stand_in_the_order_of_the_class() -> None:
    class Zebra(BaseModel):
        z: int
        a: int
        m: int

    assert [field.name for field in read_format(Zebra).fields] == ["z", "a", "m"]


def test_the_same_format_is_the_same_json_and_nothing_but_json() -> None:
    once, again = read_format(Person).wire, read_format(Person).wire

    assert json.dumps(once) == json.dumps(again)
    assert json.loads(json.dumps(once)) == once


def test_a_root_model_of_a_list_makes_one_column() -> None:
    class Names(RootModel[list[str]]):
        pass

    assert read_format(Names).is_single
