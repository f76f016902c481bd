"""What the echo says: the text that was asked with, in the form that was asked for."""

from typing import Any

import msgspec

from dwbatch.local import schemas

_CHARACTERS_A_TOKEN = 4
# No bound at all: of bounds the smallest counts.
_ANY = 2**64
# By which a request says how long its answer may be.
_BOUNDS = frozenset({"max_completion_tokens", "max_tokens", "max_output_tokens"})


class TooMuchError(ValueError):
    """A request for more than a model would give."""


def count(body: dict[str, Any], name: str, *, usual: int, most: int) -> int:
    """A positive number from a request's body, or the usual one if it is not there or is none.

    Raises
    ------
    TooMuchError
        If it is above `most`: an echo costs nothing, but its memory is this machine's.
    """
    given = body.get(name)
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        return usual
    if given > most:
        raise TooMuchError(f"Invalid '{name}': expected a value of at most {most}, but got {given}.")
    return given


def tokens(text: str) -> int:
    """A plausible number of tokens: one for four characters, never none."""
    return max(1, -(-len(text) // _CHARACTERS_A_TOKEN))


def asked(body: dict[str, Any]) -> str:
    """All the text that a request's body asks with."""
    messages = body.get("messages", body.get("input"))
    if isinstance(messages, list):
        return "".join(as_text(one.get("content")) for one in messages if isinstance(one, dict))
    return as_text(body.get("input", body.get("prompt")))


def text(url: str, body: dict[str, Any]) -> str:
    """The answer to a request: an echo, or JSON of the shape that was asked for.

    Raises
    ------
    NoValueError
        If that shape is one that no value has.
    """
    last = _last(body)
    wanted = _format(url, body)
    if wanted.get("type") == "json_schema":
        inner = wanted.get("json_schema", wanted)
        made = schemas.value(inner.get("schema", {}) if isinstance(inner, dict) else inner, last)
        return msgspec.json.encode(made).decode()
    if wanted.get("type") == "json_object":
        return msgspec.json.encode({"echo": last}).decode()
    return f"echo: {last}"


def cut(body: dict[str, Any], said: str) -> tuple[str, bool]:
    """The answer as far as the request lets it go on, and whether it was cut short."""
    if _BOUNDS.isdisjoint(body):
        return said, False
    usual = tokens(said)
    named = _BOUNDS.intersection(body)
    most = min(count(body, name, usual=usual, most=_ANY) for name in named) * _CHARACTERS_A_TOKEN
    return said[:most], len(said) > most


def tool_call(url: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """The call of a function that a chat request insists on, its arguments made to fit."""
    choice = body.get("tool_choice")
    if choice is None:
        return None
    functions = [
        tool["function"] for tool in body.get("tools") or () if isinstance(tool.get("function"), dict)
    ]
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        functions = [one for one in functions if one.get("name") == choice["function"].get("name")]
    elif choice != "required":
        return None
    if not functions or url != "/v1/chat/completions":
        return None
    arguments = schemas.value(functions[0].get("parameters", {"type": "object"}), _last(body))
    called = {"name": functions[0].get("name"), "arguments": msgspec.json.encode(arguments).decode()}
    return {"id": "call_1", "type": "function", "function": called}


def _format(url: str, body: dict[str, Any]) -> dict[str, Any]:
    outer = body.get("text") if url == "/v1/responses" else body
    given = (
        outer.get("format" if url == "/v1/responses" else "response_format")
        if isinstance(outer, dict)
        else None
    )
    return given if isinstance(given, dict) else {}


def _last(body: dict[str, Any]) -> str:
    messages = body.get("messages", body.get("input"))
    if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        return as_text(messages[-1].get("content"))
    return as_text(body.get("input", body.get("prompt")))


def as_text(content: Any) -> str:
    """The text of a message's content: itself, the text of its parts, or JSON."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list):
        parts = [one.get("text") for one in content if isinstance(one, dict)]
        if parts and all(isinstance(part, str) or part is None for part in parts):
            return " ".join(part for part in parts if part)
    return msgspec.json.encode(content).decode()
