"""Faults in place of an exchange: nothing is said, or something else is."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from dwbatch.local.connections import connection_of
from dwbatch.local.faults.board import Armed
from dwbatch.local.faults.kinds import Fault, Hang, Reply, Reset, When
from dwbatch.local.faults.messages import BODY, END, START, Occasion, swallow, taken_whole

Act = Callable[[Armed[Any], Occasion, ASGIApp, Scope, Receive, Send], Awaitable[None]]


def around(app: ASGIApp, armed: Armed[Any], occasion: Occasion) -> ASGIApp:
    """The application, with a fault that may happen in its place."""

    async def spoiled(scope: Scope, receive: Receive, send: Send) -> None:
        if occasion.take(armed):
            await ACTS[type(armed.fault)](armed, occasion, app, scope, receive, send)
        else:
            await app(scope, receive, send)

    return spoiled


async def _go_on(when: When, app: ASGIApp, scope: Scope, receive: Receive) -> None:
    if when == "during":
        while not (message := await receive()).get("body") and message.get("more_body"):
            pass
    elif when == "after":
        await app(scope, receive, swallow)


async def _reset(
    armed: Armed[Reset], _: Occasion, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    await _go_on(armed.fault.when, app, scope, receive)
    await send({"type": END, "is_reset": True})


async def _reply(
    armed: Armed[Reply], occasion: Occasion, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    fault = armed.fault
    await _go_on(fault.when, app, scope, receive)
    body = fault.body
    if fault.names_id:
        body = body.replace(b"{id}", occasion.path.split("/")[2].encode())
    headers = {"content-length": str(len(body))} | fault.headers
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": START, "status": fault.status, "headers": pairs})
    await send({"type": BODY, "body": body})


async def _hang(
    armed: Armed[Hang], occasion: Occasion, app: ASGIApp, scope: Scope, receive: Receive, send: Send
) -> None:
    said = await taken_whole(app, scope, receive) if armed.fault.when == "after" else None
    await occasion.board.hold(armed, connection_of(scope))
    if occasion.board.is_closed:
        await send({"type": END, "is_reset": True})
    elif said is None:
        await app(scope, receive, send)
    else:
        for message in said.messages():
            await send(message)


ACTS: dict[type[Fault], Act] = {Reset: _reset, Reply: _reply, Hang: _hang}
