"""The few things that faults do with ASGI messages."""

from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope

from dwbatch.local.faults.board import Armed, Board
from dwbatch.local.faults.kinds import Fault

F = TypeVar("F", bound=Fault)

START, BODY = "http.response.start", "http.response.body"

# A message of no HTTP server: the outermost layer ends the connection on it.
END = "dwbatch.end"


@dataclass(frozen=True, slots=True)
class Occasion:
    """One exchange, on which faults may happen."""

    board: Board
    method: str
    path: str

    def take(self, armed: Armed[Any]) -> bool:
        """Whether a fault happens here and now."""
        return self.board.take(armed, f"{self.method} {self.path}")

    def armed(self, kind: type[F]) -> list[Armed[F]]:
        """Faults of a kind that may still happen."""
        return self.board.armed(kind)


@dataclass(slots=True)
class Whole:
    """A reply taken whole before anybody sees it."""

    start: Message
    body: bytes

    @property
    def status(self) -> int:
        """Its status."""
        status: int = self.start["status"]
        return status

    def header(self, name: str) -> str | None:
        """A header's value, or None."""
        found = [value for key, value in self.start["headers"] if key == name.encode()]
        return found[0].decode() if found else None

    def messages(self) -> list[Message]:
        """The reply as it is sent, its length put right."""
        if self.header("content-length") is not None:
            self.start = with_header(self.start, "content-length", str(len(self.body)))
        return [self.start, {"type": BODY, "body": self.body}]


async def taken_whole(app: ASGIApp, scope: Scope, receive: Receive) -> Whole:
    """What the application replies, with nothing sent."""
    whole = Whole({}, b"")
    pieces: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == START:
            whole.start = message
        else:
            pieces.append(message.get("body", b""))

    await app(scope, receive, keep)
    whole.body = b"".join(pieces)
    return whole


def with_header(start: Message, name: str, value: str | None) -> Message:
    """The beginning of a reply with one header changed, or without it."""
    key = name.lower().encode()
    headers = [pair for pair in start["headers"] if pair[0] != key]
    if value is not None:
        headers.append((key, value.encode("latin-1")))
    return {**start, "headers": headers}


async def swallow(_: Message) -> None:
    """Take a reply that nobody will see."""
