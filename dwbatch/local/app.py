"""The address book of the server: which path leads to which call."""

import contextlib
import time
from collections.abc import AsyncIterator, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dwbatch.local import calls
from dwbatch.local.replies import Refusal, json, text
from dwbatch.local.service import Service

MOUNTS = ("/ai/v1", "/v1")

# A path of this server's own: how a process that joins knows whom it found.
HEALTH_PATH = "/-/health"

_PAGE = (
    '<!doctype html>\n<html lang="en"><head><title>Batches</title></head><body>Nothing here.</body></html>\n'
)


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
        try:
            yield
        finally:
            service.stop()

    app = Starlette(
        routes=[
            *(Mount(prefix, routes=_routes()) for prefix in mounts),
            Route("/healthz", lambda _: text("OK", 200)),
            Route(HEALTH_PATH, lambda _: json({"nonce": service.nonce})),
            Route("/{path:path}", _front, methods=["GET"]),
        ],
        exception_handlers={Refusal: _refused},
        lifespan=lifespan,
    )
    app.state.service = service
    # A slash more or less is another path on the real server, not a redirect.
    app.router.redirect_slashes = False
    return Seen(app, service)


def _routes() -> list[Route]:
    return [
        Route("/files", calls.list_files, methods=["GET"]),
        Route("/files", calls.create_file, methods=["POST"]),
        Route("/files/{id}", calls.show_file, methods=["GET"]),
        Route("/files/{id}", calls.delete_file, methods=["DELETE"]),
        Route("/files/{id}/content", calls.read_file, methods=["GET"]),
        Route("/batches", calls.list_batches, methods=["GET"]),
        Route("/batches", calls.create_batch, methods=["POST"]),
        Route("/batches/{id}", calls.show_batch, methods=["GET"]),
        Route("/batches/{id}", calls.delete_batch, methods=["DELETE"]),
        Route("/batches/{id}/results", calls.show_results, methods=["GET"]),
        Route("/batches/{id}/cancel", calls.cancel_batch, methods=["POST"]),
        Route("/batches/{id}/retry", calls.retry_batch, methods=["POST"]),
        Route("/batches/{id}/retry-requests", calls.retry_rows, methods=["POST"]),
        Route("/{path:path}", calls.unknown),
    ]


def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)  # noqa: S101 - registered for this class alone
    return refusal.response()


def _front(_: Request) -> Response:
    return Response(_PAGE, headers={"content-type": "text/html", "cache-control": "no-cache"})


class Seen:
    """Notes each exchange, and adds the one header that every answer carries."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_private = scope["path"] == HEALTH_PATH
        if not is_private:
            self._service.last_call = time.monotonic()

        async def send_noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                if not is_private:
                    self._service.exchanges.append((scope["method"], scope["path"], message["status"]))
                message["headers"] = [*message["headers"], (b"x-content-type-options", b"nosniff")]
            await send(message)

        await self._app(scope, receive, send_noted)
