"""A caller's keywords, checked before anything is sent: every offender at once, with the fix."""

import difflib
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import cast, get_args

from dwbatch.errors import InputError, UnknownParameterError
from dwbatch.limits import (
    Problems,
    check_body,
    check_cost,
    check_duration,
    check_kinds,
    check_metadata,
    check_name,
    check_range,
    check_text,
    check_tools,
    check_truth,
)
from dwbatch.options import NAMES, Endpoint, Errors, Options, RunOptions

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
    "budget": "max_cost",
    "cost_limit": "max_cost",
    "on_error": "errors",
}


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
    if not _is_model(given.get("model")):
        raise InputError.nothing_sent(
            f"{call}() needs model=, the name of a model, as in model='Qwen/Qwen3.5-35B-A3B-FP8', or several with "
            "a label each, as in model={'small': …, 'big': …}."
        )
    options = Options(**given)  # type: ignore[arg-type] # checked below, all at once
    problems = Problems()
    _check_sending(options, problems)
    _check_asking(options, problems)
    problems.raise_if_any()
    return options


def _is_model(model: object) -> bool:
    """Whether it names a model, or several by labels, of which each becomes part of a column's name."""
    if not isinstance(model, Mapping):
        return isinstance(model, str) and bool(model.strip())
    names = [*model, *model.values()]
    return bool(names) and all(isinstance(name, str) and name.strip() for name in names)


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
    check_range(problems, "n", options.n, least=1, whole=True)
    check_tools(problems, options.tools, options.tool_choice)
    if options.endpoint not in get_args(Endpoint):
        problems.add(f"endpoint= takes one of {', '.join(get_args(Endpoint))}; got {options.endpoint!r}.")
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
    check_range(problems, "max_active_batches", options.max_active_batches, least=1, whole=True)
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
    check_cost(problems, options.max_cost)
    if options.errors not in get_args(Errors):
        problems.add(f"errors= takes 'coerce' or 'raise'; got {options.errors!r}.")
    check_duration(problems, "timeout", options.timeout)
    check_duration(problems, "poll_interval", options.poll_interval)
    if options.session is not None:
        _check_session(options.session, problems)


def _check_session(session: object, problems: Problems) -> None:
    import requests  # noqa: PLC0415 - slow to import, and whoever brings a session has done so

    if not isinstance(session, requests.Session):
        problems.add(f"session= takes a requests.Session; got {type(session).__name__!r}.")
