"""What a caller may choose: names, defaults, ranges, each checked before anything is sent."""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from os import PathLike
from typing import Literal, Required, TypedDict, TypeVar, cast

import pandas as pd
import requests

from dwbatch.columns import Kind
from dwbatch.errors import InputError, UnknownParameterError
from dwbatch.limits import (
    Problems,
    check_body,
    check_duration,
    check_kinds,
    check_metadata,
    check_name,
    check_range,
    check_text,
    check_truth,
    seconds,
)

Duration = float | str | pd.Timedelta
OnNull = Literal["skip", "raise", "render"]
Retry = str | Sequence[str] | Literal[False]
Place = str | PathLike[str] | Literal[False]


class RunOptions(TypedDict, total=False):
    """Keywords of every call that makes requests; see `dwbatch.run` for what each one does."""

    model: Required[str]
    messages: Sequence[Mapping[str, str]] | None
    system: str | None
    response_format: object
    output: str
    prefix: str | None
    name: str
    metadata: Mapping[str, str] | None
    edition: str
    temperature: float | None
    max_tokens: int | None
    top_p: float | None
    stop: str | Sequence[str] | None
    seed: int | None
    reasoning_effort: str | None
    extra_body: Mapping[str, object] | None
    completion_window: str
    custom_id: str | None
    on_null: OnNull
    dedupe: bool | None
    checkpoint: Place | None
    max_requests_per_batch: int
    max_bytes_per_batch: int
    retry: Retry
    timeout: Duration | None
    poll_interval: Duration | None
    progress: bool
    details: bool
    overwrite: bool
    api_key: str | None
    base_url: str | None
    session: requests.Session | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of one call, checked. `api_key` is never shown."""

    model: str
    messages: Sequence[Mapping[str, str]] | None = None
    system: str | None = None
    response_format: object = None
    output: str = "response"
    prefix: str | None = None
    name: str = "dwbatch"
    metadata: Mapping[str, str] | None = None
    edition: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: str | Sequence[str] | None = None
    seed: int | None = None
    reasoning_effort: str | None = None
    extra_body: Mapping[str, object] | None = None
    completion_window: str = "24h"
    custom_id: str | None = None
    on_null: OnNull = "skip"
    dedupe: bool | None = None
    checkpoint: Place | None = None
    max_requests_per_batch: int = 50_000
    max_bytes_per_batch: int = 100_000_000
    retry: Retry = "transient"
    timeout: Duration | None = None
    poll_interval: Duration | None = None
    progress: bool = True
    details: bool = False
    overwrite: bool = False
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    session: requests.Session | None = field(default=None, repr=False)

    @property
    def timeout_s(self) -> float | None:
        """How long to wait, in seconds."""
        return None if self.timeout is None else seconds(self.timeout)

    @property
    def poll_interval_s(self) -> float | None:
        """How often to look, in seconds; None for an interval that adapts."""
        return None if self.poll_interval is None else seconds(self.poll_interval)

    @property
    def retry_kinds(self) -> frozenset[Kind]:
        """Which rows that are not ok are sent again."""
        named = [self.retry] if isinstance(self.retry, str) else self.retry or ()
        return frozenset(map(Kind, named))

    def sampling(self) -> dict[str, object]:
        """The parameters that enter a request's body beside its messages, only those that were given.

        Numbers take one form, so that ``temperature=0`` and ``temperature=0.0`` are one request.
        """
        given = {
            "max_tokens": None if self.max_tokens is None else int(self.max_tokens),
            "reasoning_effort": self.reasoning_effort,
            "seed": None if self.seed is None else int(self.seed),
            "stop": [self.stop] if isinstance(self.stop, str) else self.stop and list(self.stop),
            "temperature": None if self.temperature is None else float(self.temperature),
            "top_p": None if self.top_p is None else float(self.top_p),
        }
        return {name: value for name, value in given.items() if value is not None} | dict(
            self.extra_body or {}
        )


NAMES = tuple(option.name for option in fields(Options))

# What people type who come from elsewhere, and what it is called here.
ELSEWHERE = {
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "instructions": "system",
    "system_prompt": "system",
    "input": "prompt",
    "prompt_template": "prompt",
    "template": "prompt",
    "window": "completion_window",
    "sla": "completion_window",
    "key": "api_key",
    "token": "api_key",
    "url": "base_url",
    "output_column": "output",
    "response_column": "output",
    "batch_size": "max_requests_per_batch",
    "client": "session",
    "http_client": "session",
    "extra_params": "extra_body",
    "request_timeout": "timeout",
    "idempotency_key": "edition",
    "show_progress": "progress",
    "deduplicate": "dedupe",
    "chat_template_kwargs": "reasoning_effort",
    "reasoning": "reasoning_effort",
    "thinking": "reasoning_effort",
    "stop_sequences": "stop",
}

F = TypeVar("F", bound=Callable[..., object])


def take_options(given: RunOptions, *, call: str) -> Options:
    """The options of a call, checked; `given` is empty afterwards.

    A traceback with local variables would show the key in the frame that took it as a keyword.
    """
    keywords = cast("dict[str, object]", given)
    try:
        return read_options(keywords, call=call)
    finally:
        keywords.clear()


def read_options(given: Mapping[str, object], *, call: str) -> Options:
    """Check the keywords of a call.

    Parameters
    ----------
    given : mapping
        As the user gave them.
    call : str
        Name of the call, for the messages.

    Raises
    ------
    UnknownParameterError
        If a keyword is unknown; every one is named, with a suggestion.
    InputError
        If a value is out of range; all are named at once.
    """
    unknown = [name for name in given if name not in NAMES]
    if unknown:
        told = " ".join(_unknown(name) for name in unknown)
        raise UnknownParameterError.nothing_sent(f"{call}() does not know {told}")
    if not isinstance(given.get("model"), str) or not str(given["model"]).strip():
        raise InputError.nothing_sent(
            f"{call}() needs model=, the name of a model, as in model='Qwen/Qwen3.5-35B-A3B-FP8'."
        )
    options = Options(**given)  # type: ignore[arg-type] # checked below, all at once
    problems = Problems()
    _check_sending(options, problems)
    _check_asking(options, problems)
    problems.raise_if_any()
    return options


def _unknown(name: str) -> str:
    if name in ELSEWHERE:
        return f"{name!r}; here it is called {ELSEWHERE[name]!r}."
    near = difflib.get_close_matches(name, NAMES, n=1)
    if near:
        return f"{name!r}. Did you mean {near[0]!r}?"
    return f"{name!r}. A parameter of the model that is not listed goes into extra_body={{{name!r}: …}}."


def _check_asking(options: Options, problems: Problems) -> None:
    check_range(problems, "temperature", options.temperature, least=0, most=2)
    check_range(problems, "top_p", options.top_p, least=0, most=1)
    check_range(problems, "max_tokens", options.max_tokens, least=1, whole=True)
    check_range(problems, "seed", options.seed, whole=True)
    stops = [options.stop] if isinstance(options.stop, str) else options.stop
    if stops is not None and (
        not isinstance(stops, Sequence) or not 1 <= len(stops) <= 4  # noqa: PLR2004 - OpenAI's limit, kept by all servers of the kind
        or not all(isinstance(text, str) and text for text in stops)
    ):  # fmt: skip
        problems.add(
            f"stop= takes one text or a list of up to four, none of them empty; got {options.stop!r}."
        )
    check_text(problems, "system", options.system, optional=True)
    check_text(problems, "reasoning_effort", options.reasoning_effort, optional=True)
    check_body(problems, options.extra_body)


def _check_sending(options: Options, problems: Problems) -> None:
    check_name(problems, options.name)
    check_metadata(problems, options.metadata)
    for name in ("output", "completion_window"):
        check_text(problems, name, getattr(options, name))
    if not isinstance(options.edition, str):
        problems.add(f"edition= takes a text; got {options.edition!r}.")
    check_text(problems, "custom_id", options.custom_id, optional=True)
    check_range(problems, "max_requests_per_batch", options.max_requests_per_batch, least=1, whole=True)
    check_range(problems, "max_bytes_per_batch", options.max_bytes_per_batch, least=1, whole=True)
    if options.on_null not in {"skip", "raise", "render"}:
        problems.add(f"on_null= takes 'skip', 'raise' or 'render'; got {options.on_null!r}.")
    if options.prefix is not None and not isinstance(options.prefix, str):
        problems.add(f"prefix= takes a text; got {options.prefix!r}.")
    for name in ("progress", "details", "overwrite"):
        check_truth(problems, name, getattr(options, name))
    check_truth(problems, "dedupe", options.dedupe, optional=True)
    if (
        options.checkpoint is not None
        and options.checkpoint is not False
        and not isinstance(options.checkpoint, str | PathLike)
    ):
        problems.add(f"checkpoint= takes a folder's path, None or False; got {options.checkpoint!r}.")
    check_kinds(problems, options.retry)
    check_duration(problems, "timeout", options.timeout)
    check_duration(problems, "poll_interval", options.poll_interval)
    if options.session is not None and not isinstance(options.session, requests.Session):
        problems.add(f"session= takes a requests.Session; got {type(options.session).__name__!r}.")


def shows_options(function: F) -> F:
    """Give a function that takes ``**options`` the signature that help and completion should show."""
    own = inspect.signature(function)
    kept = [each for each in own.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    shown = [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if option.name == "model" else option.default,
            annotation=option.type,
        )
        for option in fields(Options)
    ]
    function.__signature__ = own.replace(parameters=[*kept, *shown])  # type: ignore[attr-defined] # read by inspect
    return function
