"""Lines checked many at a time fare as they would one by one."""

import io
import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dwbatch.local import accepting, canonical, slabs
from dwbatch.local.limits import CHAT, Limits, Model
from dwbatch.local.lines import Lines
from dwbatch.local.replies import Refusal
from tests.local.asking import brief, line

GOOD = json.dumps(line("good"), separators=(",", ":"), sort_keys=True)
DEEP = "[" * 126 + "]" * 126

# Of a shape that is kept as it stands; what they say is another matter.
KEPT_AS_THEY_STAND = [
    json.dumps(one, separators=(",", ":"), sort_keys=True)
    for one in (
        line("a", temperature=0.5, seed=2**64),
        line("a", model="other"),
        line("a", model="nobody's"),
        line("a" * 65),
        line("a\x7f"),
        line("a") | {"url": "/v1/embeddings"},
        line("a") | {"url": "/v1/models"},
        line("a") | {"method": "GET"},
    )
]

# Single letters of JSON, and what else may be odd about a line.
ODD = st.sampled_from(
    [
        json.dumps(line("a")),
        json.dumps(line("a", temperature=0.5, messages=[{"role": "user", "content": "é \x7f /"}])),
        json.dumps(line("a", priority=1, z=1)),
        json.dumps(line("a", reasoning_effort="low")),
        json.dumps(line("a", reasoning_effort="much")),
        json.dumps(line("a", model="other")),
        json.dumps(line("a", model="nobody's")),
        json.dumps(line("a", model=None)),
        json.dumps(line("a", x=1e15, y=2**64, z=-0.0)),
        json.dumps(line("a" * 65)),
        json.dumps(line("é" * 33), ensure_ascii=False),
        json.dumps(line('"\\\t')),
        json.dumps(line("a\x7f")),
        json.dumps(line("a") | {"url": "/v1/embeddings"}),
        json.dumps(line("a") | {"url": "/v1/models"}),
        json.dumps(line("a") | {"method": "post"}),
        json.dumps(line("a") | {"body": [1]}),
        json.dumps(line("a") | {"more": True}),
        GOOD.replace('"body":{', f'"body":{{"x":{DEEP},'),
        GOOD.replace('"body":{', f'"body":{{"x":[{DEEP}],'),
        GOOD.replace('"body":{', '"body":{"model":"twice",'),
        *KEPT_AS_THEY_STAND,
        GOOD + GOOD,
        GOOD.replace(",", ",\n"),
        GOOD[:-1] + ',"url":"/v1/chat/completions"}',
        GOOD[:-1] + r',"\u0075rl":"/v1/chat/completions"}',
        '{"method":"",' + GOOD[1:],
        GOOD.replace("user", r"\u0075ser"),
        GOOD.replace("user", r"\ud800"),
        GOOD + " {}",
        GOOD[:-1],
        "[" + GOOD + "]",
        "",
        " \t\r",
        "\x0b",
        "\ufeff" + GOOD,
        "\xff",
        GOOD + "\r",
    ]
)
MODELS = {"m": Model(kind=CHAT), "other": Model()}


def fate(content: bytes, limits: Limits, models: dict[str, Model] | None, *, is_alone: bool) -> Any:
    """What is kept of a file, or the words with which it is refused."""
    file = io.BytesIO(content)
    try:
        if not is_alone:
            found = list(accepting.slabs(file, limits=limits, models=models))
            models_of: dict[str, Any] = {}
            for slab in found:
                slabs.add(models_of, slab.models)
            return (
                sum(slab.total for slab in found),
                [kept for slab in found for kept in read_back(slab)],
                models_of,
            )
        lines = Lines(limits=limits, models=models)
        kept = slabs.pack(lines.requests(file.readlines()))
        lines.end()
    except Refusal as refusal:
        return refusal.status, refusal.text
    return kept.total, read_back(kept), kept.models


def read_back(slab: slabs.Slab) -> list[bytes]:
    return [slabs.line(slabs.read(text)) for text in slabs.split(slab.lines)]


@brief
@given(
    st.lists(st.just(GOOD) | ODD, max_size=4),
    st.sampled_from(["utf-8", "latin-1"]),
    st.sampled_from(["", "\n"]),
    st.sampled_from([None, MODELS]),
    st.sampled_from([Limits(), Limits(max_body_bytes=60), Limits(max_requests_per_file=2)]),
)
@example([GOOD, GOOD[:-1] + ',"url":"/v1/chat/completions"}'], "utf-8", "\n", None, Limits())
def test_a_slab_fares_as_its_lines_would_one_by_one(
    texts: list[str], encoding: str, ending: str, models: dict[str, Model] | None, limits: Limits
) -> None:
    content = ("\n".join(texts) + ending).encode(encoding, "replace")

    together = fate(content, limits, models, is_alone=False)

    assert together == fate(content, limits, models, is_alone=True)


@brief
@given(st.lists(st.just(GOOD) | ODD, max_size=3))
def test_where_a_slab_ends_makes_no_difference(texts: list[str]) -> None:
    content = "\n".join(texts).encode()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(accepting, "SLAB_BYTES", 1)
        apart = fate(content, Limits(), None, is_alone=False)

    assert apart == fate(content, Limits(), None, is_alone=False)


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_what_any_json_library_writes_is_plainly_good(separators: tuple[str, str]) -> None:
    texts = [json.dumps(line(str(row), temperature=0), separators=separators) for row in range(100)]

    found = accepting.plain("".join(f"{text}\n" for text in texts).encode(), limits=Limits(), models=MODELS)

    assert found is not None
    assert found.total == 100


def test_lines_whose_keys_are_sorted_are_kept_as_they_stand() -> None:
    text = "".join(
        json.dumps(line(str(row), temperature=0), separators=(",", ":"), sort_keys=True) + "\n"
        for row in range(9)
    ).encode()

    found = accepting.as_it_is(text, limits=Limits(), models=MODELS)

    assert found is not None
    assert (found.total, found.lines) == (9, text)


@pytest.mark.parametrize("shape", [canonical.Message, canonical.Body, canonical.Line])
def test_every_shape_has_its_fields_in_the_order_of_their_names(shape: type[msgspec.Struct]) -> None:
    names = shape.__struct_fields__

    assert list(names) == sorted(names)


@pytest.mark.parametrize("text", KEPT_AS_THEY_STAND)
def test_what_a_line_says_is_looked_at_whatever_its_shape(text: str) -> None:
    content = f"{text}\n".encode()

    together = fate(content, Limits(), MODELS, is_alone=False)

    assert together == fate(content, Limits(), MODELS, is_alone=True)
