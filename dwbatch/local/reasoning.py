"""Parameters about thinking: each endpoint knows one spelling and refuses the others by name."""

from typing import Any

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")

_VENDOR = ("chat_template_kwargs", "thinking", "thinking_token_budget")
_REFUSED = {
    "/v1/chat/completions": ((*_VENDOR, "reasoning"), "reasoning_effort"),
    "/v1/responses": ((*_VENDOR, "reasoning_effort"), "reasoning.effort"),
    "/v1/completions": ((*_VENDOR, "reasoning", "reasoning_effort"), ""),
}


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
    refused, right = _REFUSED.get(url, ((), ""))
    for name in refused:
        if name in body:
            advice = f"; use '{right}'." if right else "."
            return f"Unsupported parameter '{_spelled(name, body[name])}'{advice}"
    effort = _effort(url, body)
    if isinstance(effort, str) and effort not in EFFORTS:
        return f"Invalid value '{effort}' for '{right}'. Expected one of: {', '.join(EFFORTS)}."
    return None


def _spelled(name: str, value: Any) -> str:
    # The server names the key inside, as in "chat_template_kwargs.enable_thinking".
    if name == "chat_template_kwargs" and isinstance(value, dict) and value:
        return f"{name}.{next(iter(value))}"
    return name


def _effort(url: str, body: dict[str, Any]) -> Any:
    if url == "/v1/chat/completions":
        return body.get("reasoning_effort")
    inner = body.get("reasoning")
    return inner.get("effort") if url == "/v1/responses" and isinstance(inner, dict) else None
