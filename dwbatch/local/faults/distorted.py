"""Faults of the reply on its way out, and of the query string on its way in."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dwbatch.local.connections import connection_of
from dwbatch.local.faults.board import Armed
from dwbatch.local.faults.kinds import Cut, Drip, Fault, Header, Ignore
from dwbatch.local.faults.messages import BODY, END, START, Occasion, with_header

Distort = Callable[[Armed[Any], Occasion, Scope, Send], Send]


def around(app: ASGIApp, armed: Armed[Any], occasion: Occasion) -> ASGIApp:
    """The application, whose reply may be distorted."""

    async def spoiled(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, ACTS[type(armed.fault)](armed, occasion, scope, send))

    return spoiled


def without_parameter(app: ASGIApp, armed: Armed[Ignore], occasion: Occasion) -> ASGIApp:
    """The application, which may not see one parameter of the query string."""

    async def spoiled(scope: Scope, receive: Receive, send: Send) -> None:
        given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        kept = [pair for pair in given if pair[0] != armed.fault.parameter]
        if len(kept) < len(given) and occasion.take(armed):
            scope = {**scope, "query_string": urlencode(kept).encode()}
        await app(scope, receive, send)

    return spoiled


def _cut(armed: Armed[Cut], occasion: Occasion, _: Scope, send: Send) -> Send:
    fault, left, has_passed, is_over = armed.fault, armed.fault.after_bytes, False, False

    async def cutting(message: Message) -> None:
        nonlocal left, has_passed, is_over
        if is_over:
            return
        if message["type"] == START:
            # A body that seems whole must not be measured against a length.
            is_unmeasured = fault.end == "cleanly"
            await send(with_header(message, "content-length", None) if is_unmeasured else message)
            return
        body = message.get("body", b"")
        if len(body) > left and not has_passed:
            is_over = occasion.take(armed)
            has_passed = not is_over
        if not is_over:
            left -= len(body)
            await send(message)
            return
        await send({"type": BODY, "body": body[:left], "more_body": fault.end != "cleanly"})
        if fault.end != "cleanly":
            await send({"type": END, "is_reset": fault.end == "reset"})

    return cutting


def _drip(armed: Armed[Drip], occasion: Occasion, scope: Scope, send: Send) -> Send:
    fault, connection, drips = armed.fault, connection_of(scope), False

    async def dripping(message: Message) -> None:
        nonlocal drips
        if message["type"] == START:
            drips = occasion.take(armed)
        body = message.get("body", b"")
        if message["type"] == START or not drips or not body:
            await send(message)
            return
        for start in range(0, len(body), fault.piece_bytes):
            await send({"type": BODY, "body": body[start : start + fault.piece_bytes], "more_body": True})
            await occasion.board.hold(armed, connection, fault.pause_s)
        await send({"type": BODY, "body": b"", "more_body": message.get("more_body", False)})

    return dripping


def _header(armed: Armed[Header], occasion: Occasion, _: Scope, send: Send) -> Send:
    async def changing(message: Message) -> None:
        if message["type"] == START and occasion.take(armed):
            message = with_header(message, armed.fault.header, armed.fault.value)
        await send(message)

    return changing


ACTS: dict[type[Fault], Distort] = {Cut: _cut, Drip: _drip, Header: _header}
