"""A list that lags: what was just created is not in it yet."""

import time
from dataclasses import dataclass

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from dwbatch.local.faults.board import Armed, Board
from dwbatch.local.faults.kinds import LagList
from dwbatch.local.faults.messages import Occasion, taken_whole

_LISTS = {"/files": "files", "/batches": "batches"}
_FIRST_ERROR = 400


@dataclass(slots=True)
class _Hidden:
    """Something created that lists do not show."""

    listed: str
    calls_left: int | None
    shown_at: float | None
    because: Armed[LagList]


class Lagging:
    """Remembers what lists may not show yet; used in the server's event loop alone."""

    def __init__(self) -> None:
        self._hidden: dict[str, _Hidden] = {}

    def around(self, app: ASGIApp, occasion: Occasion) -> ASGIApp:
        """The application, whose creates may be late in its lists."""
        listed = _LISTS.get(occasion.path)
        is_create = listed is not None and occasion.method == "POST" and bool(occasion.armed(LagList))
        is_list = occasion.method == "GET" and any(one.listed == listed for one in self._hidden.values())

        async def spoiled(scope: Scope, receive: Receive, send: Send) -> None:
            whole = await taken_whole(app, scope, receive)
            if whole.status < _FIRST_ERROR and listed is not None:
                if is_create:
                    self._note(msgspec.json.decode(whole.body)["id"], listed, occasion)
                else:
                    whole.body = self._filtered(whole.body, listed, occasion.board)
            for message in whole.messages():
                await send(message)

        return spoiled if is_create or is_list else app

    def _note(self, new_id: str, listed: str, occasion: Occasion) -> None:
        for armed in occasion.armed(LagList):
            fault = armed.fault
            if fault.listed == listed and occasion.take(armed):
                shown_at = None if fault.seconds is None else time.monotonic() + fault.seconds
                self._hidden[new_id] = _Hidden(listed, fault.calls, shown_at, armed)

    def _filtered(self, body: bytes, listed: str, board: Board) -> bytes:
        page = msgspec.json.decode(body)
        hidden = {new_id for new_id in list(self._hidden) if self._is_hidden(new_id, listed, board)}
        shown = [one for one in page["data"] if one["id"] not in hidden]
        if len(shown) == len(page["data"]):
            return body
        page["data"] = shown
        for name, place in (("first_id", 0), ("last_id", -1)):
            page.pop(name, None)
            if shown:
                page[name] = shown[place]["id"]
        return msgspec.json.encode(page)

    def _is_hidden(self, new_id: str, listed: str, board: Board) -> bool:
        one = self._hidden[new_id]
        if one.listed != listed:
            return False
        is_over = one.calls_left == 0 or (one.shown_at is not None and time.monotonic() >= one.shown_at)
        if is_over or not board.is_set(one.because):
            del self._hidden[new_id]
            return False
        if one.calls_left is not None:
            one.calls_left -= 1
        return True
