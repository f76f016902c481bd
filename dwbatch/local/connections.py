"""The TCP connection behind an exchange, for what HTTP has no word for: to be cut, or to be gone."""

import asyncio
import contextlib
import socket
import struct
import sys
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

EXTENSION = "dwbatch.connection"

# "Linger for no time": the system then throws away what is unsent and answers
# the client with a reset instead of an orderly end.
_NO_LINGER = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)


class Connection:
    """One client's connection; to be used in the server's event loop, except for `wake`.

    Parameters
    ----------
    transport : asyncio.Transport
        What it is to asyncio.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._lost = asyncio.Event()

    def wake(self) -> None:
        """End a `sleep`, from whichever thread."""
        # The loop may be gone with its server, and with it all that slept.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._woken.set)

    async def sleep(self, longest_s: float | None) -> None:
        """Wait so long, or for ever, unless somebody wakes it or the client goes."""
        if not self._lost.is_set():
            self._woken.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._woken.wait()

    async def reset(self) -> None:
        """End the connection as a crash would: the client sees a reset."""
        given = self._transport.get_extra_info("socket")
        if given is not None:
            given.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()
        await self._lost.wait()

    async def close(self) -> None:
        """End the connection in order, once what was written has been sent."""
        self._transport.close()
        await self._lost.wait()

    def lose(self) -> None:
        """Learn that the client is gone."""
        self._lost.set()
        self._woken.set()


class Protocol(H11Protocol):
    """uvicorn's HTTP, which tells the application whom it speaks to."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it likewise
        """Take up a connection."""
        super().connection_made(transport)
        self._connection = connection = Connection(transport)
        app = self.app

        async def app_with_connection(scope: Any, receive: Any, send: Any) -> None:
            extensions = {**scope.get("extensions", {}), EXTENSION: connection}
            await app({**scope, "extensions": extensions}, receive, send)

        self.app = app_with_connection

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        super().connection_lost(exc)
        self._connection.lose()


def connection_of(scope: Scope) -> Connection:
    """The connection on which an exchange takes place."""
    connection: Connection = scope["extensions"][EXTENSION]
    return connection
