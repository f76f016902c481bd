"""Faults of single lines in the files of results."""

from collections.abc import Callable

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from dwbatch.local.faults.kinds import Line
from dwbatch.local.faults.messages import Occasion, Whole, taken_whole, with_header

_OF_LINES = {"application/x-ndjson", "application/octet-stream"}
_PROMISE = "x-last-line"

Act = Callable[[list[bytes], int, Line], list[bytes]]


class _CustomId(msgspec.Struct):
    """As much of a line as tells whose it is."""

    custom_id: str | None = None


def around(app: ASGIApp, occasion: Occasion) -> ASGIApp:
    """The application, whose result lines may be spoiled."""
    is_content = occasion.method == "GET" and occasion.path.endswith("/content")
    if not is_content or not occasion.armed(Line):
        return app

    async def spoiled(scope: Scope, receive: Receive, send: Send) -> None:
        whole = await taken_whole(app, scope, receive)
        if whole.header("content-type") in _OF_LINES:
            _spoil(whole, occasion)
        for message in whole.messages():
            await send(message)

    return spoiled


def _spoil(whole: Whole, occasion: Occasion) -> None:
    lines = [line + b"\n" for line in whole.body.split(b"\n")[:-1]]
    for armed in occasion.armed(Line):
        fault = armed.fault
        place = _place(lines, fault.which)
        if place is None or not occasion.take(armed):
            continue
        lines = _ACTS[fault.act](lines, place, fault)
        promised = whole.header(_PROMISE)
        if fault.act == "late_line" and promised is not None:
            whole.start = with_header(whole.start, _PROMISE, str(int(promised) - 1))
    whole.body = b"".join(lines)


def _place(lines: list[bytes], which: str | int) -> int | None:
    if isinstance(which, int):
        return which % len(lines) if -len(lines) <= which < len(lines) else None
    named = [place for place, line in enumerate(lines) if _custom_id(line) == which]
    return named[0] if named else None


def _custom_id(line: bytes) -> str | None:
    try:
        return msgspec.json.decode(line, type=_CustomId).custom_id
    except msgspec.DecodeError:
        # Another fault may have spoiled this line before.
        return None


def _drop(lines: list[bytes], place: int, _: Line) -> list[bytes]:
    return lines[:place] + lines[place + 1 :]


def _repeat(lines: list[bytes], place: int, _: Line) -> list[bytes]:
    return [*lines, lines[place]]


def _malform(lines: list[bytes], place: int, fault: Line) -> list[bytes]:
    line = lines[place]
    instead = fault.text if fault.text is not None else line[: len(line) // 2]
    return [*lines[:place], instead + b"\n", *lines[place + 1 :]]


def _reverse(lines: list[bytes], _: int, __: Line) -> list[bytes]:
    return lines[::-1]


_ACTS: dict[str, Act] = {
    "drop_line": _drop,
    "late_line": _drop,
    "repeat_line": _repeat,
    "malform_line": _malform,
    "reorder_lines": _reverse,
}
