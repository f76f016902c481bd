"""One path's calls, by method."""

import inspect
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


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
