"""Ranges of options, and the collector that reports every offender at once."""

import math
import re
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Real

import pandas as pd

from dwbatch.columns import Kind
from dwbatch.errors import InputError

UNIT = re.compile(r"[A-Za-z:]")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")

# The server drops these silently, however they are spelt.
RESERVED_METADATA = frozenset(
    {"created_by_email", "context_name", "context_type", "request_source", "created_by", "dw_user_agent"}
)
HIDDEN_METADATA = "dw_"
OWN_METADATA = "dwbatch"

# Parameters with a keyword of their own; in extra_body they would be said twice.
TYPED = {
    "model": "model",
    "messages": "messages",
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop": "stop",
    "seed": "seed",
    "n": "n",
    "tools": "tools",
    "tool_choice": "tool_choice",
    "reasoning_effort": "reasoning_effort",
    "response_format": "response_format",
}
# The server refuses these on chat requests at upload.
REASONING = frozenset({"chat_template_kwargs", "thinking", "thinking_token_budget", "reasoning"})


class Problems:
    """Faults of a call, collected so that all are told at once."""

    def __init__(self) -> None:
        self._sentences: list[str] = []

    def add(self, sentence: str) -> None:
        """Note a fault."""
        self._sentences.append(sentence)

    def raise_if_any(self) -> None:
        """Raise one error with every fault.

        Raises
        ------
        InputError
            If there is any.
        """
        if self._sentences:
            raise InputError.nothing_sent(" ".join(self._sentences))


def seconds(duration: object) -> float:
    """A duration in seconds.

    Parameters
    ----------
    duration : float, str or Timedelta
        Seconds, a text that pandas understands, or a Timedelta.

    Raises
    ------
    ValueError, TypeError
        If it is no duration.

    Examples
    --------
    >>> seconds("8h"), seconds(2.5)
    (28800.0, 2.5)
    """
    if isinstance(duration, bool):
        raise TypeError("a truth value is no duration")
    if isinstance(duration, Real):
        return float(duration)
    # A bare number in a text is nanoseconds to pandas, and to nobody else.
    if isinstance(duration, str) and not UNIT.search(duration):
        raise ValueError("a text without a unit is no duration")
    if isinstance(duration, str):
        # pandas calls a day D, and warns about the d that everybody writes.
        duration = re.sub(r"(?<=[\d\s])d\b", "D", duration)
    # pandas refuses what it does not know.
    return float(pd.Timedelta(duration).total_seconds())  # type: ignore[arg-type]


def check_range(
    problems: Problems,
    name: str,
    value: object,
    *,
    least: float | None = None,
    most: float | None = None,
    whole: bool = False,
) -> None:
    """Note a number that is out of range; None is no number and passes."""
    if value is None:
        return
    if isinstance(value, Real) and not isinstance(value, bool):
        number = _as_float(value)
        fits = math.isfinite(number) and (not whole or number.is_integer())
        if fits and (least is None or number >= least) and (most is None or number <= most):
            return
    kind = "a whole number" if whole else "a number"
    span = (
        f" from {least} to {most}"
        if most is not None
        else f" of at least {least}"
        if least is not None
        else ""
    )
    problems.add(f"{name}= takes {kind}{span}; got {value!r}.")


def _as_float(number: Real) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def check_duration(problems: Problems, name: str, value: object) -> None:
    """Note what is not a time longer than zero; None is no time and passes."""
    try:
        # Longer than the operating system can wait is as good as for ever, which is None.
        fits = value is None or 0 < seconds(value) < threading.TIMEOUT_MAX
    except (ValueError, TypeError, OverflowError):
        fits = False
    if not fits:
        problems.add(
            f"{name}= takes seconds, a text such as '8h', or a Timedelta, more than zero, or None; got {value!r}."
        )


def amount(cost: object) -> Decimal:
    """An amount of money, exactly as it was written.

    Raises
    ------
    ValueError, TypeError, ArithmeticError
        If it is none.

    Examples
    --------
    >>> amount(0.1), amount("12.50")
    (Decimal('0.1'), Decimal('12.50'))
    """
    if isinstance(cost, bool) or not isinstance(cost, Decimal | Real | str):
        raise TypeError("neither a number nor a text")
    found = cost if isinstance(cost, Decimal) else Decimal(str(cost))
    if not (found.is_finite() and found >= 0):
        raise ValueError("no amount that could be kept to")
    return found


def check_cost(problems: Problems, cost: object) -> None:
    """Note what is no amount of money; None is no limit and passes."""
    try:
        if cost is not None:
            amount(cost)
    except (ValueError, TypeError, ArithmeticError):
        problems.add(f"max_cost= takes an amount of at least 0, such as 5 or '12.50', or None; got {cost!r}.")


def check_text(problems: Problems, name: str, value: object, *, optional: bool = False) -> None:
    """Note what is not a text, or an empty one."""
    if (value is None and optional) or (isinstance(value, str) and value.strip()):
        return
    problems.add(f"{name}= takes a text that is not empty; got {value!r}.")


def check_kinds(problems: Problems, kinds: object) -> None:
    """Note kinds of rows to send again that do not exist."""
    known = tuple(Kind)
    named = [kinds] if isinstance(kinds, str) else [] if kinds is False else kinds
    if not isinstance(named, Sequence | frozenset | set) or any(kind not in known for kind in named):
        listed = ", ".join(repr(kind.value) for kind in known)
        problems.add(f"retry= takes False, one of {listed}, or several; got {kinds!r}.")


def check_truth(problems: Problems, name: str, value: object, *, optional: bool = False) -> None:
    """Note what is neither True nor False."""
    if not isinstance(value, bool) and not (value is None and optional):
        problems.add(f"{name}= takes True or False; got {value!r}.")


def check_name(problems: Problems, name: object) -> None:
    """Note a name that cannot stand in file names and custom_ids."""
    if not isinstance(name, str) or not NAME.match(name):
        problems.add(
            "name= takes up to 64 ASCII letters, digits, '.', '_' and '-', beginning with a letter or digit; "
            f"got {name!r}."
        )


def check_metadata(problems: Problems, metadata: object) -> None:
    """Note metadata that the server would refuse, drop or hide.

    OpenAI's limits (16 pairs, 64 and 512 characters) are kept, with room for our three marks, so
    that the same call works on every server of the kind.
    """
    if metadata is None:
        return
    if not isinstance(metadata, Mapping) or not all(
        isinstance(text, str) for pair in metadata.items() for text in pair
    ):
        problems.add(f"metadata= takes a mapping of texts to texts; got {metadata!r}.")
        return
    if len(metadata) > 13:  # noqa: PLR2004 - 16 less our own three
        problems.add(f"metadata= takes at most 13 pairs; got {len(metadata)}.")
    for key, value in metadata.items():
        plain = key.lower().replace("-", "_")
        if plain in RESERVED_METADATA or plain.startswith((HIDDEN_METADATA, OWN_METADATA)):
            problems.add(f"metadata= cannot use the key {key!r}: the server or dwbatch keeps it for itself.")
        if not key or len(key) > 64 or len(value) > 512 or "\0" in key + value:  # noqa: PLR2004 - OpenAI's limits
            problems.add(
                f"metadata= takes keys of 1 to 64 and values of up to 512 characters, without NUL; not {key[:70]!r}."
            )


def check_tools(problems: Problems, tools: object, tool_choice: object) -> None:
    """Note tools that are no list of mappings, or cannot be sent."""
    if tools is not None and (
        not isinstance(tools, Sequence) or not tools or not all(isinstance(tool, Mapping) for tool in tools)
    ):
        problems.add(f"tools= takes a list of mappings, as the API writes them; got {tools!r}.")
        return
    if tool_choice is not None and not isinstance(tool_choice, str | Mapping):
        problems.add(f"tool_choice= takes a text or a mapping; got {tool_choice!r}.")
        return
    if tool_choice is not None and tools is None:
        problems.add("tool_choice= says which of tools= to call, and there are none.")
    for sentence in [*unsendable(tools, "tools"), *unsendable(tool_choice, "tool_choice")]:
        problems.add(sentence)


def check_body(problems: Problems, body: object) -> None:
    """Note an extra_body that repeats a typed parameter, cannot be sent, or is refused by the server."""
    if body is None:
        return
    if not isinstance(body, Mapping):
        problems.add(f"extra_body= takes a mapping; got {type(body).__name__!r}.")
        return
    for name in body:
        if name in TYPED:
            problems.add(f"extra_body repeats {name!r}; say {TYPED[name]}= instead.")
        elif name == "stream":
            problems.add("extra_body sets 'stream', which a batch cannot do; leave it out.")
        elif name in REASONING:
            problems.add(
                f"extra_body sets {name!r}, which the server refuses; use reasoning_effort= instead."
            )
    for path in unsendable(body, "extra_body"):
        problems.add(path)


def unsendable(value: object, path: str) -> list[str]:
    """What in a value JSON cannot express, each with its place, as sentences."""
    if isinstance(value, Mapping):
        keys = [
            f"{path} has the key {key!r}, which is not a text." for key in value if not isinstance(key, str)
        ]
        return keys + [
            found for key, inner in value.items() for found in unsendable(inner, f"{path}[{key!r}]")
        ]
    if isinstance(value, str):
        return [] if _is_encodable(value) else [f"{path} holds a lone surrogate, which UTF-8 cannot express."]
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [found for place, inner in enumerate(value) for found in unsendable(inner, f"{path}[{place}]")]
    if isinstance(value, float) and not math.isfinite(value):
        return [f"{path} is {value!r}, which JSON cannot express."]
    if value is None or isinstance(value, bool | int | float):
        return []
    return [f"{path} is of type {type(value).__name__!r}, which is not JSON."]


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
