"""Every fault that can be set, as a value that also travels as JSON."""

import re
from collections.abc import Iterable
from typing import Literal, get_args, get_origin

import msgspec

When = Literal["before", "during", "after"]
End = Literal["close", "reset", "cleanly"]
LineAct = Literal["drop_line", "late_line", "repeat_line", "malform_line", "reorder_lines"]
BatchAct = Literal["unpopulated", "broken", "stalled", "overdue"]
Listed = Literal["files", "batches"]


def _tag(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def not_among(given: object, words: Iterable[str]) -> str:
    """The sentence for a word that names no fault."""
    return f"There is no fault {given!r}: choose from {', '.join(map(repr, words))}."


class Fault(msgspec.Struct, frozen=True, kw_only=True, tag=_tag, tag_field="fault"):
    """What every fault has: how many occasions it lets pass, and how many it spoils after that.

    Parameters
    ----------
    times : int, optional
        Occasions spoiled; None means every one until faults are cleared.
    skip : int
        Occasions let pass first.

    Raises
    ------
    ValueError
        If a word, such as a batch's fate, is none of those that exist.
    """

    times: int | None = 1
    skip: int = 0

    def __post_init__(self) -> None:
        # Types are checked only of what comes as JSON; a word misspelt in a test would else be
        # found out by the exchange that it was to spoil, and look like the server's own fault.
        for field in msgspec.structs.fields(self):
            words = get_args(field.type) if get_origin(field.type) is Literal else ()
            if words and getattr(self, field.name) not in words:
                raise ValueError(not_among(getattr(self, field.name), words))

    @property
    def name(self) -> str:
        """The fault's name in `Fired`, which is that of the method that sets it."""
        return _tag(type(self).__name__)


class OnExchange(Fault, frozen=True, kw_only=True):
    """A fault of the exchanges with one method, one path, and optionally one piece of a query string."""

    method: str
    path: str
    query: str = ""

    def fits(self, method: str, path: str, query: str) -> bool:
        """Whether an exchange is one of those meant."""
        return (
            self.method in {method, "*"}
            and _pattern(self.path).fullmatch(path) is not None
            and self.query in query
        )


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[a-z_]*\}|\*)", path)
    named = {"*": ".*"}
    return re.compile(
        "".join(
            named.get(part, "[^/]+") if place % 2 else re.escape(part) for place, part in enumerate(parts)
        )
    )


class Reset(OnExchange, frozen=True, kw_only=True):
    """The connection is reset."""

    when: When = "before"


class Hang(OnExchange, frozen=True, kw_only=True):
    """Nothing is said until the client gives up."""

    when: When = "before"


class Reply(OnExchange, frozen=True, kw_only=True):
    """Something else is said; where it names an id, ``{id}`` in the body is the path's."""

    status: int
    body: bytes = b""
    names_id: bool = False
    headers: dict[str, str] = {}
    when: When = "before"


class Cut(OnExchange, frozen=True, kw_only=True):
    """The reply's body ends early."""

    after_bytes: int
    end: End = "close"


class Drip(OnExchange, frozen=True, kw_only=True):
    """The reply's body comes slowly."""

    piece_bytes: int
    pause_s: float


class Header(OnExchange, frozen=True, kw_only=True):
    """A header of the reply says something else."""

    header: str
    value: str | None


class Ignore(OnExchange, frozen=True, kw_only=True):
    """A parameter of the query string goes unread."""

    parameter: str


class LagList(Fault, frozen=True, kw_only=True):
    """What was just created is not in the list yet."""

    listed: Listed
    calls: int | None = None
    seconds: float | None = None


class Line(Fault, frozen=True, kw_only=True):
    """A result line is not as it should be."""

    act: LineAct
    which: str | int = -1
    text: bytes | None = None

    @property
    def name(self) -> str:
        """The line's fault by its own name."""
        return self.act


class FailRows(Fault, frozen=True, kw_only=True):
    """Rows fail before they reach a model."""

    status: int
    body: str


class Batch(Fault, frozen=True, kw_only=True):
    """A new batch has a fate of its own."""

    act: BatchAct

    @property
    def name(self) -> str:
        """The batch's fate by its own name."""
        return self.act


AnyFault = Reset | Hang | Reply | Cut | Drip | Header | Ignore | LagList | Line | FailRows | Batch


class Fired(msgspec.Struct, frozen=True):
    """A fault that really happened.

    Parameters
    ----------
    fault : str
        Its name: that of the method that set it, or a batch's fate.
    where : str
        The exchange, as in ``"GET /batches/6f…"`` without prefix and query; ``"row <custom_id>"``; or
        ``"batch <id>"``.
    """

    fault: str
    where: str
