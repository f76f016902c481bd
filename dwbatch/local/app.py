"""The address book of the server: which path leads to which call."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dwbatch.local.calls import ByMethod, FromHere
from dwbatch.local.connections import connection_of
from dwbatch.local.faults.calls import FAULTS_PATH, FaultCalls
from dwbatch.local.faults.messages import END
from dwbatch.local.faults.spoiling import Spoiled
from dwbatch.local.page.document import document
from dwbatch.local.page.overview import Overview
from dwbatch.local.replies import Refusal, json, text
from dwbatch.local.service import Service

MOUNTS = ("/ai/v1", "/v1")

# Paths of this server's own begin so, and are no exchanges.
_PRIVATE = "/-/"
# How a process that joins knows whom it found.
HEALTH_PATH = f"{_PRIVATE}health"

# What `exchanges` says of an exchange in which no status was sent.
NO_REPLY = 0


def build(service: Service, mounts: Sequence[str] = MOUNTS) -> ASGIApp:
    """The whole application.

    Parameters
    ----------
    service : Service
        What the calls work on; started with the application and stopped with it.
    mounts : sequence of str
        Prefixes under which the API is found.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service.start()
        sweeping = asyncio.create_task(service.sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            service.stop()

    def refused(_: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)  # noqa: S101 - registered for this class alone
        return service.dialect.refused(refusal)

    app = Starlette(
        routes=[
            *(Mount(prefix, routes=service.dialect.routes()) for prefix in mounts),
            Route("/healthz", lambda _: text("OK", 200)),
            Route(HEALTH_PATH, lambda _: json({"nonce": service.nonce})),
            *_private_routes(service),
            Route("/{path:path}", ByMethod(GET=_front)),
        ],
        exception_handlers={Refusal: refused},
        lifespan=lifespan,
    )
    app.state.service = service
    # A slash more or less is another path on the real server, not a redirect.
    app.router.redirect_slashes = False
    return Seen(Spoiled(app, service.board, mounts), service)


def _private_routes(service: Service) -> list[Route]:
    """What only this machine may ask for: the page's questions, and faults."""
    if not service.is_private:
        return []
    faults, overview = FaultCalls(service.board), Overview(service)
    return [
        Route(f"{_PRIVATE}overview", FromHere(ByMethod(GET=overview.show))),
        Route(f"{_PRIVATE}batches/{{id}}", FromHere(ByMethod(GET=overview.show_batch))),
        Route(FAULTS_PATH, FromHere(ByMethod(GET=faults.show, POST=faults.add, DELETE=faults.clear))),
    ]


def _front(_: Request) -> Response:
    return Response(document(), headers={"content-type": "text/html", "cache-control": "no-cache"})


class Seen:
    """Notes each exchange, adds the one header that every answer carries, and ends connections."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_noted = scope["path"].startswith(_PRIVATE)
        if not is_noted:
            self._service.last_call = time.monotonic()

        async def send_noted(message: Message) -> None:
            nonlocal is_noted
            if not is_noted:
                is_noted = True
                status = message.get("status", NO_REPLY)
                self._service.exchanges.append((scope["method"], scope["path"], status))
            if message["type"] == END:
                connection = connection_of(scope)
                await (connection.reset() if message["is_reset"] else connection.close())
                return
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-content-type-options", b"nosniff")]
            await send(message)

        # A client that goes while it speaks is no fault of the server's; what it
        # sent so far is forgotten.
        with contextlib.suppress(ClientDisconnect):
            await self._app(scope, receive, send_noted)
