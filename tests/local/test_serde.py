import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.local import serde
from dwbatch.local.scanner import SyntaxFault, TypeFault
from tests.local.asking import brief

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)
FIELDS = {"name": serde.STRING, "value": serde.ANYTHING}


def read(text: str | bytes) -> dict[str, Any]:
    return serde.Reader(text if isinstance(text, bytes) else text.encode()).struct("Shape", FIELDS)


@brief
@given(VALUES, st.booleans())
def test_good_json_is_read_as_python_reads_it(value: Any, is_ascii: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    text = json.dumps({"name": "x", "value": value}, ensure_ascii=is_ascii)

    assert read(text) == json.loads(text)


REFUSED = object()


@brief
@given(st.binary(max_size=40) | st.text('{}[]",:0123456789.eE+-truefalsn \\u', max_size=20).map(str.encode))
def test_any_bytes_are_read_or_refused_as_python_does(text: bytes) -> None:
    whole = b'{"name":"x","value":' + text.decode("utf-8", "replace").encode() + b"}"

    assert by_server(whole) == by_python(whole)


def by_server(text: bytes) -> Any:
    try:
        return read(text)["value"]
    except SyntaxFault:
        return REFUSED


def by_python(text: bytes) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        value = json.loads(text, parse_constant=refuse)
        # Python keeps half a surrogate pair and reads 1e999; the server does neither.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return REFUSED
    return value["value"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"name":"x"}', "missing field `value` at line 1 column 12"),
        ('{"name":7,"value":1}', "invalid type: integer `7`, expected a string at line 1 column 9"),
        ('{"name":{},"value":1}', "invalid type: map, expected a string at line 1 column 8"),
        ('{"name":"x","name":"y"}', "duplicate field `name` at line 1 column 18"),
        ('{"name":"x","value":1', "EOF while parsing an object at line 1 column 21"),
        ('{"name":"x","value":1}x', "trailing characters at line 1 column 23"),
        ('{"name":"x","value":[1,]}', "trailing comma at line 1 column 24"),
        (
            '{"name":"x\n"}',
            "control character (\\u0000-\\u001F) found while parsing a string at line 2 column 0",
        ),
        ('"x"', 'invalid type: string "x", expected struct Shape at line 1 column 3'),
        ('["x"]', "invalid length 1, expected struct Shape with 2 elements at line 1 column 5"),
    ],
)
def test_a_fault_is_named_with_its_place(text: str, sentence: str) -> None:
    with pytest.raises(SyntaxFault) as caught:
        read(text)

    assert str(caught.value) == sentence


def test_an_array_in_field_order_is_as_good_as_an_object() -> None:
    assert read('["x", [1]]') == {"name": "x", "value": [1]}


def test_a_wrong_type_is_told_from_broken_json() -> None:
    with pytest.raises(TypeFault):
        read("7")
