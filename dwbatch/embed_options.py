"""What a caller of `embed` may choose: the options of every call, less those that mean nothing for a vector."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from dwbatch.errors import UnknownParameterError
from dwbatch.given import read_options
from dwbatch.limits import Problems, check_range
from dwbatch.options import FrameOptions, Options, shows_options

ENDPOINT = "/v1/embeddings"
OUTPUT = "embedding"

_NO_CHAT = "an embedding is made of one text, without messages or instructions"
_NO_SAMPLING = "an embedding is computed, not sampled"
_NO_SHAPE = "an embedding is a vector, which has no other shape"
# Options of `run`, here and by the names that others give them, that mean nothing for a vector.
_SENSELESS = (
    dict.fromkeys(("messages", "system", "tools", "tool_choice"), _NO_CHAT)
    | dict.fromkeys(("temperature", "max_tokens", "top_p", "stop", "seed", "n", "reasoning_effort"), _NO_SAMPLING)
    | dict.fromkeys(("response_format", "text_format", "prefix"), _NO_SHAPE)
    | {"endpoint": f"it always asks {ENDPOINT}"}
)  # fmt: skip
_OWN = {"input": "give the text", "dimensions": "say dimensions="}


class EmbedOptions(FrameOptions, total=False):
    """Keywords of `dwbatch.embed`; all but `dimensions` are those of `dwbatch.run`."""

    dimensions: int | None


F = TypeVar("F")


def shows_embed_options(function: F) -> F:
    """Give a function that takes ``**options`` the signature that help and completion should show."""
    # Whatever is shared with `run` stands there with its default.
    shown = inspect.signature(shows_options(cast("Any", function)))
    named = EmbedOptions.__annotations__
    kept = [
        each.replace(default=OUTPUT) if name == "output" else each
        for name, each in shown.parameters.items()
        if each.kind is not inspect.Parameter.KEYWORD_ONLY or name in named
    ]
    dimensions = inspect.Parameter(
        "dimensions", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=int | None
    )
    function.__signature__ = shown.replace(parameters=[*kept, dimensions])  # type: ignore[attr-defined] # read by inspect
    return function


def take_embed_options(given: EmbedOptions) -> Options:
    """The options of a call, checked; `given` is empty afterwards, so that no traceback shows the key.

    Raises
    ------
    InputError
        If a keyword is unknown or senseless, or a value is out of range.
    """
    keywords = cast("dict[str, object]", given)
    try:
        return _read(keywords)
    finally:
        keywords.clear()


def _read(given: Mapping[str, object]) -> Options:
    senseless = [f"{name}=: {_SENSELESS[name]}." for name in given if name in _SENSELESS]
    if senseless:
        raise UnknownParameterError.nothing_sent(f"embed() does not take {' '.join(senseless)}")
    dimensions = given.get("dimensions")
    problems = Problems()
    check_range(problems, "dimensions", dimensions, least=1, whole=True)
    extra = given.get("extra_body")
    for name in _OWN if isinstance(extra, Mapping) else ():
        if name in cast("Mapping[str, object]", extra):
            problems.add(f"extra_body repeats {name!r}; {_OWN[name]} instead.")
    problems.raise_if_any()
    options = read_options(
        {"output": OUTPUT, **{name: value for name, value in given.items() if name != "dimensions"}},
        call="embed",
    )
    body: dict[str, object] = {"encoding_format": "base64", **(options.extra_body or {})}
    if dimensions is not None:
        body["dimensions"] = int(cast("int", dimensions))
    # Equal texts have equal vectors, so there is nothing to warn of.
    return replace(options, extra_body=body, dedupe=options.dedupe is not False)
