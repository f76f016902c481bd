"""Faults of a server in another process: a private path of it, and the way there."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dwbatch.local.faults.board import Board
from dwbatch.local.faults.kinds import AnyFault, Fired
from dwbatch.local.faults.setting import Faults
from dwbatch.local.replies import json, text

FAULTS_PATH = "/-/faults"

_TIMEOUT_S = 10.0
_DONE = 204


class State(msgspec.Struct, frozen=True):
    """What a GET of the private path says."""

    fired: list[Fired]
    unfired: list[AnyFault]


class FaultCalls:
    """GET, POST and DELETE of the private path.

    Parameters
    ----------
    board : Board
        The server's faults.
    """

    def __init__(self, board: Board) -> None:
        self._board = board

    async def show(self, _: Request) -> Response:
        """What happened, and what should still happen."""
        return json(State(self._board.fired(), self._board.unfired()))

    async def add(self, request: Request) -> Response:
        """Set a fault, given as JSON with its name under ``fault``."""
        # A page in somebody's browser can send anything here but this type.
        if request.headers.get("content-type") != "application/json":
            return text("Faults are set as application/json.", 415)
        try:
            fault = msgspec.json.decode(await request.body(), type=AnyFault)
        except msgspec.DecodeError as error:
            return text(f"Not a fault: {error}", 422)
        self._board.add(fault)
        return Response(status_code=_DONE)

    async def clear(self, _: Request) -> Response:
        """Switch every fault off."""
        self._board.clear()
        return Response(status_code=_DONE)


def faults_at(base_url: str) -> Faults:
    """Faults of a server in another process, such as one that `join` found.

    Parameters
    ----------
    base_url : str
        Its address, as in ``"http://127.0.0.1:49152/v1"``.

    Returns
    -------
    Faults
        Its methods raise OSError if the server cannot be reached, and RuntimeError if it refuses.

    Notes
    -----
    Behind it are three calls, for whoever speaks another language: ``POST /-/faults`` with a fault as JSON,
    such as ``{"fault": "reset", "method": "POST", "path": "/batches", "when": "after", "times": 1}``; ``GET
    /-/faults``, which lists ``fired`` and ``unfired``; ``DELETE /-/faults``. A server that listens on
    anything but this machine has no such path.
    """
    return Faults(_Remote(base_url))


class _Remote:
    """The board of a server in another process."""

    def __init__(self, base_url: str) -> None:
        self._address = urlsplit(base_url).netloc

    def add(self, fault: AnyFault) -> None:
        self._call("POST", msgspec.json.encode(fault))

    def clear(self) -> None:
        self._call("DELETE")

    def fired(self) -> list[Fired]:
        return self._state().fired

    def unfired(self) -> list[AnyFault]:
        return self._state().unfired

    def _state(self) -> State:
        return msgspec.json.decode(self._call("GET"), type=State)

    def _call(self, method: str, body: bytes = b"") -> bytes:
        connection = http.client.HTTPConnection(self._address, timeout=_TIMEOUT_S)
        try:
            connection.request(method, FAULTS_PATH, body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            said: Any = reply.read()
        finally:
            connection.close()
        if reply.status not in {200, _DONE}:
            raise RuntimeError(
                f"The server at {self._address} refused: {said[:200].decode(errors='replace')}"
            )
        return bytes(said)
