"""One path's calls, by method, and who may make them."""

import inspect
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dwbatch.local.addresses import is_loopback
from dwbatch.local.replies import text


class ByMethod:
    """One path's calls, by method; any other method is a bare 405 that names these.

    Parameters
    ----------
    **calls : callable
        What answers each method; a plain function runs in a thread.
    """

    def __init__(self, **calls: Callable[[Request], Any]) -> None:
        self._calls = calls
        named = [[name, "HEAD"] if name == "GET" else [name] for name in calls]
        self._allow = ",".join(name for names in named for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        request = Request(scope, receive, send)
        call = self._calls.get("GET" if request.method == "HEAD" else request.method)
        if call is None:
            response = Response(status_code=405, headers={"allow": self._allow, "content-length": "0"})
        elif inspect.iscoroutinefunction(call):
            response = await call(request)
        else:
            response = await run_in_threadpool(call, request)
        await response(scope, receive, send)


class FromHere:
    """A call for this machine alone: closed to web pages that found another name for its address.

    Parameters
    ----------
    app : ASGI application
        What is called.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        name = urlsplit(f"//{Request(scope).headers.get('host', '')}").hostname or ""
        refused = text("Only this machine may ask.", 403)
        await (self._app if is_loopback(name) else refused)(scope, receive, send)
