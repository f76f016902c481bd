"""uvicorn in a thread: up when it says so, and down without a second of waiting."""

import asyncio
import contextlib
import socket
import threading

import uvicorn
from starlette.types import ASGIApp

from dwbatch.local.connections import Protocol

# The time of day in the replies' headers is renewed so often.
_DATE_S = 1.0
_GRACE_S = 1.0


class Listener(uvicorn.Server):
    """The HTTP server, in a thread that it starts and ends.

    Parameters
    ----------
    application : ASGI application
        What answers.
    listening : socket
        Where it listens; closed by `stop`.
    """

    def __init__(self, application: ASGIApp, listening: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                log_config=None,
                access_log=False,
                lifespan="on",
                loop="asyncio",
                ws="none",
                http=Protocol,
                server_header=False,
                proxy_headers=False,
            )
        )
        self._listening = listening
        self._is_settled = threading.Event()
        self._thread = threading.Thread(target=self._serve_on, name="dwbatch-local-server", daemon=True)

    def start(self) -> None:
        """Begin to serve.

        Raises
        ------
        RuntimeError
            If the application did not start.
        """
        self._thread.start()
        self._is_settled.wait()
        if not self.started:
            self._thread.join()
            self._listening.close()
            raise RuntimeError("The local server could not start; its log says why.")

    def stop(self) -> None:
        """End what runs, within a second, and the thread."""
        self.should_exit = True
        # The loop is gone already where a signal has ended it.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._listening.close()

    def _serve_on(self) -> None:
        try:
            self.run(sockets=[self._listening])
        finally:
            # Also after a failed start, or whoever waits would wait for ever.
            self._is_settled.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open for calls, and say so."""
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)
        self._is_settled.set()

    async def main_loop(self) -> None:
        """Serve until told to stop; uvicorn's own loop looks ten times a second whether it was."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_DATE_S):
                    await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - closed by `stop`
        """End every connection; uvicorn's own way sleeps for a tenth of a second even where there is none."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            _, late = await asyncio.wait(list(self.server_state.tasks), timeout=_GRACE_S)
            for one in late:
                one.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        # Closed connections are taken leave of in the loop's next rounds.
        while self.server_state.connections:
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
        await self.lifespan.shutdown()
