"""Parameters about thinking: each endpoint knows one spelling and refuses the others by name.

The names, their order and the sentences are those of the real server's ``onwards/src/reasoning.rs``.
"""

from typing import Any

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_CHAT, _RESPONSES, _COMPLETIONS = "/v1/chat/completions", "/v1/responses", "/v1/completions"

_OF_TEMPLATES = (
    "chat_template_kwargs.thinking",
    "chat_template_kwargs.enable_thinking",
    "chat_template_kwargs",
)
_REFUSED = {
    _CHAT: (*_OF_TEMPLATES, "thinking", "thinking_token_budget", "reasoning"),
    _RESPONSES: (*_OF_TEMPLATES, "thinking", "thinking_token_budget", "reasoning_effort"),
    _COMPLETIONS: (
        "reasoning_effort",
        "reasoning",
        "thinking",
        "thinking_token_budget",
        "chat_template_kwargs",
    ),
}
NAMES = {"reasoning", "reasoning_effort", "thinking", "thinking_token_budget", "chat_template_kwargs"}
_RIGHT = {_CHAT: "reasoning_effort", _RESPONSES: "reasoning.effort"}


def fault(url: str, body: dict[str, Any]) -> str | None:
    """What is wrong with a body's reasoning parameters, in the server's words.

    Parameters
    ----------
    url : str
        The endpoint.
    body : dict
        The request's body.

    Returns
    -------
    str or None
        A sentence that names the parameter and its right spelling, or None if nothing is wrong.
    """
    if NAMES.isdisjoint(body):
        return None
    wrong = next((name for name in _REFUSED.get(url, ()) if _has(body, name)), None)
    if wrong is not None and url == _COMPLETIONS:
        return f"Parameter '{wrong}' is not supported by {url}. Use {_CHAT} or {_RESPONSES}."
    if wrong is not None:
        return f"Unsupported parameter '{wrong}'; use '{_RIGHT[url]}'."
    if url == _RESPONSES and not isinstance(body.get("reasoning"), dict | None):
        return "Invalid type for 'reasoning'. Expected an object."
    return _fault_of_effort(url, body) if url in _RIGHT else None


def _has(body: dict[str, Any], name: str) -> bool:
    outer, _, inner = name.partition(".")
    value = body.get(outer)
    return outer in body and (not inner or (isinstance(value, dict) and inner in value))


def _fault_of_effort(url: str, body: dict[str, Any]) -> str | None:
    effort = body.get("reasoning_effort") if url == _CHAT else (body.get("reasoning") or {}).get("effort")
    if effort is None or effort in EFFORTS:
        return None
    if not isinstance(effort, str):
        return f"Invalid type for '{_RIGHT[url]}'. Expected a string."
    return f"Invalid value '{effort}' for '{_RIGHT[url]}'. Expected one of: {', '.join(EFFORTS)}."
