"""What a caller may choose: the names of the options, their types and their defaults."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Required, TypedDict, TypeVar

import pandas as pd

from dwbatch.columns import Kind
from dwbatch.limits import amount, seconds

if TYPE_CHECKING:
    # A third of what importing dwbatch would take, for one word in a signature.
    import requests

Duration = float | str | pd.Timedelta
OnNull = Literal["skip", "raise", "render"]
Retry = str | Sequence[str] | Literal[False]
Place = str | PathLike[str] | Literal[False]
Amount = Decimal | float | str
Errors = Literal["coerce", "raise"]
Endpoint = Literal["/v1/chat/completions", "/v1/responses", "/v1/completions"]
# What a callable gets is one row, by the names of its columns; it returns a text or messages.
Callback = Callable[[dict[str, Any]], object]
Prompt = str | Sequence[object] | Callback
Messages = Sequence[Mapping[str, object]] | str | Callback


class SendOptions(TypedDict, total=False):
    """Keywords of every call that sends requests, those of a ready file among them."""

    name: str
    metadata: Mapping[str, str] | None
    edition: str
    completion_window: str
    dedupe: bool | None
    checkpoint: Place | None
    max_requests_per_batch: int
    max_bytes_per_batch: int
    max_cost: Amount | None
    retry: Retry
    poll_interval: Duration | None
    progress: bool
    details: bool
    api_key: str | None
    base_url: str | None
    session: "requests.Session | None"


class FrameOptions(SendOptions, total=False):
    """Keywords of every call that makes requests of rows, whatever they ask for."""

    model: Required[str | Mapping[str, str]]
    output: str
    extra_body: Mapping[str, object] | None
    custom_id: str | None
    on_null: OnNull
    max_active_batches: int | None
    errors: Errors
    timeout: Duration | None
    overwrite: bool


class RunOptions(FrameOptions, total=False):
    """Keywords of every call that asks for answers; see `dwbatch.run` for what each one does."""

    messages: Messages | None
    system: str | None
    response_format: object
    prefix: str | None
    temperature: float | None
    max_tokens: int | None
    top_p: float | None
    stop: str | Sequence[str] | None
    seed: int | None
    n: int | None
    tools: Sequence[Mapping[str, object]] | None
    tool_choice: str | Mapping[str, object] | None
    reasoning_effort: str | None
    endpoint: Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of one call, checked. `api_key` is never shown."""

    model: str | Mapping[str, str]
    messages: Messages | None = None
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
    n: int | None = None
    tools: Sequence[Mapping[str, object]] | None = None
    tool_choice: str | Mapping[str, object] | None = None
    reasoning_effort: str | None = None
    extra_body: Mapping[str, object] | None = None
    endpoint: Endpoint = "/v1/chat/completions"
    completion_window: str = "24h"
    custom_id: str | None = None
    on_null: OnNull = "skip"
    dedupe: bool | None = None
    checkpoint: Place | None = None
    max_requests_per_batch: int = 50_000
    max_bytes_per_batch: int = 100_000_000
    max_active_batches: int | None = None
    max_cost: Amount | None = None
    retry: Retry = "transient"
    errors: Errors = "coerce"
    timeout: Duration | None = None
    poll_interval: Duration | None = None
    progress: bool = True
    details: bool = False
    overwrite: bool = False
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    session: "requests.Session | None" = field(default=None, repr=False)

    @property
    def timeout_s(self) -> float | None:
        """How long to wait, in seconds."""
        return None if self.timeout is None else seconds(self.timeout)

    @property
    def poll_interval_s(self) -> float | None:
        """How often to look, in seconds; None for an interval that adapts."""
        return None if self.poll_interval is None else seconds(self.poll_interval)

    @property
    def cost_limit(self) -> Decimal | None:
        """What this call may cost, exactly as it was written."""
        return None if self.max_cost is None else amount(self.max_cost)

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
            "n": None if self.n is None else int(self.n),
            "reasoning_effort": self.reasoning_effort,
            "seed": None if self.seed is None else int(self.seed),
            "stop": [self.stop] if isinstance(self.stop, str) else self.stop and list(self.stop),
            "temperature": None if self.temperature is None else float(self.temperature),
            "tool_choice": self.tool_choice,
            "tools": None if self.tools is None else [dict(tool) for tool in self.tools],
            "top_p": None if self.top_p is None else float(self.top_p),
        }
        return {name: value for name, value in given.items() if value is not None} | dict(
            self.extra_body or {}
        )


NAMES = tuple(option.name for option in fields(Options))

F = TypeVar("F", bound=Callable[..., object])


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
