import contextlib
import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.local import accepting, slabs
from dwbatch.local.limits import Limits, Model
from dwbatch.local.reasoning import EFFORTS
from dwbatch.local.replies import Refusal
from tests.local.asking import brief, line

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
BODIES = st.dictionaries(
    TEXT.filter(lambda name: name != "priority"), st.integers(0, 9) | TEXT | st.lists(TEXT)
)


def accepted(content: bytes, *, models: dict[str, Model] | None = None, **bounds: int) -> list[slabs.Kept]:
    found = accepting.slabs(io.BytesIO(content), limits=Limits(**bounds), models=models)  # type: ignore[arg-type]  # bounds are all numbers here
    return [slabs.read(line) for slab in found for line in slabs.split(slab.lines)]


def refusal(content: bytes, **bounds: int) -> str:
    with pytest.raises(Refusal) as caught:
        accepted(content, models={"m": Model(kind="CHAT")}, **bounds)
    return caught.value.text


def jsonl(*requests: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(request).encode() + b"\n" for request in requests)


@brief
@given(st.lists(BODIES, min_size=1, max_size=5), st.sampled_from([b"\n", b"\r\n", b"\n\n \n"]))
def test_bodies_are_kept_with_keys_sorted_whatever_separates_the_lines(
    bodies: list[dict[str, Any]], separator: bytes
) -> None:
    requests = [
        line(str(place), **body) | {"body": {**body, "model": "m"}} for place, body in enumerate(bodies)
    ]

    kept = accepted(separator.join(json.dumps(request).encode() for request in requests))

    assert [request.custom_id for request in kept] == [str(place) for place in range(len(bodies))]
    for request, given_one in zip(kept, requests, strict=True):
        body = msgspec.json.decode(request.body)
        assert body == given_one["body"]
        assert list(body) == sorted(body)


@brief
@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_refused(content: bytes) -> None:
    with contextlib.suppress(Refusal):
        assert accepted(content)


@pytest.mark.parametrize(
    "mangled",
    [
        b'{"custom_id":"\xff","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}}',
        b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"\xff"}}',
        b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","\xff":0,"body":{"model":"m"}}',
        b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","z":"\xff","body":{"model":"m"}}',
        b'{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "\xff":0, "body":{"model": "m"}}',
    ],
)
def test_bytes_that_are_not_utf8_are_refused_wherever_they_stand(mangled: bytes) -> None:
    good = json.dumps(line("a")).encode()
    place = len(good) + 1 + mangled.index(b"\xff")

    said = refusal(good + b"\n" + mangled + b"\n" + good)

    assert said.startswith(f"File contains invalid UTF-8 on/near line 1 at byte offset {place}: ")


@pytest.mark.parametrize("where", ["in the body", "beside it"])
def test_an_integer_of_thousands_of_digits_is_out_of_range(where: str) -> None:
    digits = "1" * 5000
    plain = json.dumps(line("a", z=0) if where == "in the body" else line("a") | {"z": 0})

    said = refusal(plain.replace('"z": 0', f'"z": {digits}').encode())

    assert said.startswith("Invalid JSON on line 1: number out of range at line 1 column ")


def test_a_priority_at_the_top_of_a_body_is_dropped() -> None:
    (kept,) = accepted(jsonl(line("a", priority=9, z={"priority": 1})))

    assert msgspec.json.decode(kept.body)["z"] == {"priority": 1}
    assert "priority" not in msgspec.json.decode(kept.body)


def test_a_custom_id_is_measured_in_bytes() -> None:
    assert accepted(jsonl(line("é" * 32)))
    assert refusal(jsonl(line("é" * 33))).endswith("exceeds maximum length of 64 characters (got 66)")


def test_a_tab_may_stand_in_a_custom_id_and_a_delete_may_not() -> None:
    assert accepted(jsonl(line("a\tb")))
    assert "invalid characters" in refusal(jsonl(line("a\x7fb")))


def test_a_model_of_the_wrong_kind_is_refused() -> None:
    request = line("a") | {"url": "/v1/embeddings"}

    assert refusal(jsonl(request)) == (
        "Line 1: Model 'm' is a CHAT model but endpoint '/v1/embeddings' requires a EMBEDDINGS model"
    )


@pytest.mark.parametrize(
    ("url", "body", "sentence"),
    [
        ("chat/completions", {"thinking": {}}, "Unsupported parameter 'thinking'; use 'reasoning_effort'."),
        (
            "responses",
            {"reasoning_effort": "low"},
            "Unsupported parameter 'reasoning_effort'; use 'reasoning.effort'.",
        ),
        (
            "completions",
            {"reasoning": {}},
            "Parameter 'reasoning' is not supported by /v1/completions. Use /v1/chat/completions or /v1/responses.",
        ),
    ],
)
def test_reasoning_has_one_spelling_an_endpoint(url: str, body: dict[str, Any], sentence: str) -> None:
    request = line("a", **body) | {"url": f"/v1/{url}"}

    assert refusal(jsonl(request)) == f"Line 1: {sentence}"


def test_the_first_request_too_many_ends_the_file() -> None:
    content = jsonl(line("a"), line("b")) + b"not even JSON\n"

    assert (
        refusal(content, max_requests_per_file=2)
        == "File contains 3 requests, which exceeds the maximum of 2"
    )


def test_nesting_just_within_the_bound_is_read() -> None:
    deep: Any = 0
    for _ in range(124):
        deep = [deep]

    assert accepted(jsonl(line("a", x=deep, y=[[[]], [[]], [[]], [[]]])))


@pytest.mark.parametrize("name", ["custom_id", "method", "url", "body"])
def test_a_field_given_twice_is_refused(name: str) -> None:
    text = json.dumps(line("a"))[:-1] + f', "{name}": "again"}}'

    assert refusal(text.encode()).startswith(f"Invalid JSON on line 1: duplicate field `{name}` at line 1")


def test_fields_of_the_same_names_may_stand_inside_a_body() -> None:
    (kept,) = accepted(jsonl(line("a", url={"url": 1, "body": 2}, method="x")))

    assert msgspec.json.decode(kept.body)["url"] == {"url": 1, "body": 2}


@pytest.mark.parametrize(
    ("url", "body", "sentence"),
    [
        (
            "chat/completions",
            {"reasoning_effort": "much"},
            f"Invalid value 'much' for 'reasoning_effort'. Expected one of: {', '.join(EFFORTS)}.",
        ),
        (
            "chat/completions",
            {"reasoning_effort": 7},
            "Invalid type for 'reasoning_effort'. Expected a string.",
        ),
        ("responses", {"reasoning": "low"}, "Invalid type for 'reasoning'. Expected an object."),
        (
            "responses",
            {"reasoning": {"effort": []}},
            "Invalid type for 'reasoning.effort'. Expected a string.",
        ),
    ],
)
def test_an_effort_that_does_not_exist_is_refused(url: str, body: dict[str, Any], sentence: str) -> None:
    request = line("a", **body) | {"url": f"/v1/{url}"}

    assert refusal(jsonl(request)) == f"Line 1: {sentence}"


@pytest.mark.parametrize("effort", ["max", None])
def test_an_effort_that_exists_or_is_null_is_accepted(effort: str | None) -> None:
    assert accepted(jsonl(line("a", reasoning_effort=effort)))
