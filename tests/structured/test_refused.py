import dataclasses
import datetime as dt
import enum
import re
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from dwbatch.answers.structured.format import read_format
from dwbatch.errors import InputError


@dataclasses.dataclass
class Loop:
    next: "Loop | None"


class Open(BaseModel):
    by_name: dict[str, int]


class Anything(BaseModel):
    value: Any


class Pairs(BaseModel):
    pairs: list[tuple[int, str]]


class Letters(BaseModel):
    word: Annotated[str, Field(pattern=r"^\p{L}+$")]


class NoSchema(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    pattern: re.Pattern[bytes] | type[int] | object


def an_object(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties}


REFUSED: list[tuple[object, str]] = [
    ("json", "'json' is not known; the one word is 'json_object'"),
    (dict, "response_format is 'dict', which has no fixed fields"),
    (dict[str, int], "has no fixed fields"),
    (list, "does not say what it holds; write list"),
    (tuple[int, str], "does not say what it holds"),
    (bytes, "response_format is 'bytes', which has no JSON schema here"),
    ([1], "has no JSON schema here"),
    (None, "has no JSON schema here"),
    (Any, "has no JSON schema here"),
    (Decimal, "has no JSON schema here"),
    (list[dict[str, int]], r"response_format\[\] is 'dict\[str, int\]', which has no fixed fields"),
    (enum.Enum("Empty", {}), "it has no members"),
    (enum.Enum("Tuples", {"A": (1, 2)}), r"allows \(1, 2\), which JSON cannot say"),
    (Loop, "holds itself and has no end"),
    (Open, r"response_format\.by_name is an object without fixed properties"),
    (Anything, r"response_format\.value says nothing of its values"),
    (Pairs, r"response_format\.pairs\[\] is a list whose places differ; make it an object \('prefixItems'\)"),
    ({}, "says nothing of its values"),
    ({"type": "text"}, r"is not a JSON schema, at \$\.type"),
    ({"type": "object"}, "without fixed properties"),
    ({"type": "object", "properties": {}}, "without fixed properties"),
    (an_object(a=True), r"response_format\.a says nothing of its values"),
    (an_object(a={"type": "array"}), r"response_format\.a is a list that does not say what it holds"),
    (an_object(a={"type": ["object", "null"]}), r"response_format\.a is an object without fixed properties"),
    (an_object(a={"type": "string", "not": {"const": "x"}}), r"says what an answer is not \('not'\)"),
    (an_object(a={"type": "string", "nullable": True}), "keyword that is not known to be obeyed"),
    (an_object(a={"allOf": [{"type": "string"}, {"minLength": 1}]}), "joins several schemas"),
    (
        an_object(a={"anyOf": [{"type": "string"}, {"required": ["b"]}]}),
        r"response_format\.a\|1 says nothing",
    ),
    (
        an_object(a={"type": "string", "pattern": "("}),
        r"at \$\.properties\.a\.pattern: '\(' is not a 'regex'",
    ),
    (Letters, r"at \$\.properties\.word\.pattern: .* is not a 'regex'"),
    (an_object(a={"$ref": "https://example.org/a.json"}), "put what is meant under"),
    (an_object(a={"$ref": "#/properties/b"}, b={"type": "string"}), "put what is meant under"),
    (an_object(a={"$ref": "#/$defs/A"}), "refers to '#/\\$defs/A', which it does not define"),
    ({**an_object(a={"$ref": "#/$defs/A"}), "$defs": {"A": {"$ref": "#/$defs/A"}}}, "refers to itself"),
    ({**an_object(a={"type": "string"}), "$defs": {"A": {"$ref": "#/$defs/B"}}}, "which it does not define"),
    (
        {**an_object(a={"$ref": "#/$defs/A"}), "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}]}}},
        "holds itself and has no end",
    ),
    ({**an_object(a={"type": "string"}), "required": ["b"]}, "requires 'b', which it does not describe"),
    ({"enum": [float("nan")]}, "is not JSON"),
    ({"enum": ["\ud800"]}, "is not JSON"),
    ({"enum": [dt.date(2026, 1, 2)]}, "is not JSON"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_cannot_be_strict_is_refused_with_its_place(given: object, words: str) -> None:
    with pytest.raises(InputError, match=rf"(?s){words}.*Nothing was sent\.$"):
        read_format(given)


def test_a_model_that_has_no_schema_is_refused() -> None:
    with pytest.raises(InputError, match="response_format"):
        read_format(NoSchema)


def test_a_name_that_cannot_be_found_is_said_with_its_place() -> None:
    @dataclasses.dataclass
    class Unknown:
        field: "NoWhere"  # type: ignore[name-defined] # noqa: F821 - that is the point

    with pytest.raises(InputError, match=r"response_format names a type that cannot be found.*'NoWhere'"):
        read_format(Unknown)
