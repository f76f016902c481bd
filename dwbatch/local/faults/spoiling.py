"""The application with its faults around it."""

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from dwbatch.local.faults import distorted, instead, result_lines
from dwbatch.local.faults.board import Armed, Board
from dwbatch.local.faults.kinds import Ignore, OnExchange
from dwbatch.local.faults.listing import Lagging
from dwbatch.local.faults.messages import Occasion


class Spoiled:
    """The server's application, in which what is set to go wrong does.

    Parameters
    ----------
    app : ASGI application
        The server as it should be.
    board : Board
        What is to go wrong.
    mounts : sequence of str
        Prefixes under which the API is found; the paths of faults are written without them.
    """

    def __init__(self, app: ASGIApp, board: Board, mounts: Sequence[str]) -> None:
        self._app = app
        self._board = board
        self._mounts = mounts
        self._lagging = Lagging()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange, well or badly."""
        app, path = self._app, self._inner_path(scope)
        if path is not None:
            occasion = Occasion(self._board, scope["method"], path)
            query = scope["query_string"].decode("latin-1")
            app = result_lines.around(self._lagging.around(app, occasion), occasion)
            # The fault that was set first is outermost: it decides first.
            for armed in reversed(self._board.armed(OnExchange)):
                if armed.fault.fits(occasion.method, path, query):
                    app = _around(app, armed, occasion)
        await app(scope, receive, send)

    def _inner_path(self, scope: Scope) -> str | None:
        path: str = scope["path"] if scope["type"] == "http" else ""
        return next((path[len(mount) :] for mount in self._mounts if path.startswith(f"{mount}/")), None)


def _around(app: ASGIApp, armed: Armed[OnExchange], occasion: Occasion) -> ASGIApp:
    if type(armed.fault) in instead.ACTS:
        return instead.around(app, armed, occasion)
    if type(armed.fault) in distorted.ACTS:
        return distorted.around(app, armed, occasion)
    ignored: Armed[Ignore] = armed  # type: ignore[assignment]  # the only kind that is left
    return distorted.without_parameter(app, ignored, occasion)
