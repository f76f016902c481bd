"""What a test says to have things go wrong: one readable method a fault."""

from collections.abc import Mapping
from typing import Any

import msgspec

from dwbatch.local.faults.board import Controls
from dwbatch.local.faults.kinds import (
    AnyFault,
    Batch,
    BatchAct,
    Cut,
    Drip,
    End,
    FailRows,
    Fired,
    Hang,
    Header,
    Ignore,
    LagList,
    Line,
    Listed,
    Reply,
    Reset,
    When,
)
from dwbatch.local.faults.sentences import refusal
from dwbatch.local.replies import TEXT


class Faults:
    """Sets faults on a server, and tells which of them really happened.

    Exchanges are named by method (``"*"`` for any) and by path as the API writes it, without prefix and query
    string: ``{id}`` stands for one part, ``*`` for any rest. `query` is a text that the query string must
    hold. A fault happens on `times` occasions (None: on every one), after it has let `skip` of them pass; a
    reply that it cannot alter, such as one too short to be cut, is no occasion. Where several faults fit one
    exchange, the one that was set first decides first. `when` is ``"before"`` the request is looked at,
    ``"during"`` its body, or ``"after"`` its work is done and committed. A word that is none of
    those named is a ValueError.

    Parameters
    ----------
    controls : Controls
        Where the faults are kept.

    Examples
    --------
    >>> from dwbatch.local import Server
    >>> with Server() as server:
    ...     server.faults.reset("POST", "/batches", when="after")
    ...     server.faults.fired
    []
    """

    def __init__(self, controls: Controls) -> None:
        self._controls = controls

    @property
    def fired(self) -> list[Fired]:
        """What really happened so far, oldest first."""
        return self._controls.fired()

    @property
    def unfired(self) -> list[AnyFault]:
        """Faults that were set to happen a number of times and have not happened so often."""
        return self._controls.unfired()

    def clear(self) -> None:
        """Switch every fault off, and let what hangs or drips go on; `fired` stays."""
        self._controls.clear()

    def reset(
        self,
        method: str,
        path: str,
        *,
        when: When = "before",
        times: int | None = 1,
        skip: int = 0,
        query: str = "",
    ) -> None:
        """Reset the connection; ``when="after"`` is the lost reply of something that was done."""
        self._controls.add(Reset(method=method, path=path, when=when, times=times, skip=skip, query=query))

    def hang(
        self,
        method: str,
        path: str,
        *,
        when: When = "before",
        times: int | None = 1,
        skip: int = 0,
        query: str = "",
    ) -> None:
        """Say nothing until the client gives up, or until `clear`, after which the exchange goes on."""
        self._controls.add(Hang(method=method, path=path, when=when, times=times, skip=skip, query=query))

    def reply(
        self,
        method: str,
        path: str,
        *,
        status: int,
        body: str | bytes | Mapping[str, Any] = b"",
        headers: Mapping[str, str] | None = None,
        when: When = "before",
        times: int | None = 1,
        skip: int = 0,
        query: str = "",
    ) -> None:
        """Say something else; ``when="after"`` says it of something that was done.

        A mapping is sent as JSON, a text that begins with ``<`` as HTML, any other text as plain text, and
        bytes without a content type, unless `headers` has one.
        """
        kind, content = _encoded(body)
        given = {name.lower(): value for name, value in (headers or {}).items()}
        said = ({"content-type": kind} if kind else {}) | given
        self._controls.add(
            Reply(
                method=method,
                path=path,
                query=query,
                status=status,
                body=content,
                headers=said,
                when=when,
                times=times,
                skip=skip,
            )
        )

    def too_many(
        self,
        method: str,
        path: str,
        *,
        why: str = "capacity",
        retry_after: str | None = "60",
        times: int | None = 1,
        skip: int = 0,
    ) -> None:
        """Refuse with the real server's 429.

        `why` is ``"capacity"``, ``"unverified"``, ``"upload_slot"`` or ``"upload_wait"``; `retry_after` the
        header, in whatever spelling, or None for none.
        """
        body = {"error": "too_many_requests", "message": refusal(why), "retry_after_seconds": 30}
        headers = {} if retry_after is None else {"retry-after": retry_after}
        self.reply(method, path, status=429, body=body, headers=headers, times=times, skip=skip)

    def not_found(self, path: str, *, times: int | None = 1, skip: int = 0) -> None:
        """Answer a GET of one file or batch with the real server's 404, as a replica does that lags behind."""
        kind = "File" if path.startswith("/files") else "Batch"
        self._controls.add(
            Reply(
                method="GET",
                path=path,
                status=404,
                body=f"{kind} with ID {{id}} not found".encode(),
                names_id=True,
                headers={"content-type": TEXT},
                times=times,
                skip=skip,
            )
        )

    def cut(
        self,
        method: str,
        path: str,
        *,
        after_bytes: int,
        end: End = "close",
        times: int | None = 1,
        skip: int = 0,
        query: str = "",
    ) -> None:
        """End the reply's body early.

        `end` is ``"close"``, an orderly end of the connection in the middle of the body; ``"reset"``; or
        ``"cleanly"``, a short body that looks whole.
        """
        self._controls.add(
            Cut(
                method=method,
                path=path,
                after_bytes=after_bytes,
                end=end,
                times=times,
                skip=skip,
                query=query,
            )
        )

    def drip(
        self,
        method: str,
        path: str,
        *,
        piece_bytes: int = 1,
        pause_s: float = 0.01,
        times: int | None = 1,
        skip: int = 0,
    ) -> None:
        """Send the reply's body in small pieces with pauses; `clear` sends the rest at once."""
        self._controls.add(
            Drip(method=method, path=path, piece_bytes=piece_bytes, pause_s=pause_s, times=times, skip=skip)
        )

    def header(
        self,
        method: str,
        path: str,
        header: str,
        value: str | None,
        *,
        times: int | None = None,
        skip: int = 0,
    ) -> None:
        """Put another value into a header of the reply, or leave it out (None)."""
        self._controls.add(
            Header(method=method, path=path, header=header, value=value, times=times, skip=skip)
        )

    def ignore(self, parameter: str, *, path: str = "*", times: int | None = None, skip: int = 0) -> None:
        """Leave a parameter of the query string unread.

        ``"search"`` makes a list show everything, ``"after"`` makes it begin again at page one, ``"skip"``
        sends a file from its first line.
        """
        self._controls.add(Ignore(method="GET", path=path, parameter=parameter, times=times, skip=skip))

    def lag_list(
        self,
        listed: Listed = "batches",
        *,
        calls: int | None = None,
        seconds: float | None = None,
        times: int | None = 1,
    ) -> None:
        """Keep what is created next out of the list for so many lists, or so long; else until `clear`."""
        self._controls.add(LagList(listed=listed, calls=calls, seconds=seconds, times=times))

    def drop_line(self, which: str | int = -1, *, times: int | None = 1, skip: int = 0) -> None:
        """Leave a result line out, although ``X-Last-Line`` counts it.

        `which` is a custom_id, or a position in the reply (-1 is the last line of any file that has one).
        """
        self._controls.add(Line(act="drop_line", which=which, times=times, skip=skip))

    def late_line(self, which: str | int, *, times: int | None = 1, skip: int = 0) -> None:
        """Leave a result line out and uncounted: later it appears before lines that were read already."""
        self._controls.add(Line(act="late_line", which=which, times=times, skip=skip))

    def repeat_line(self, which: str | int = -1, *, times: int | None = 1, skip: int = 0) -> None:
        """Send a result line a second time, at the end."""
        self._controls.add(Line(act="repeat_line", which=which, times=times, skip=skip))

    def malform_line(
        self, which: str | int = -1, *, text: bytes | None = None, times: int | None = 1, skip: int = 0
    ) -> None:
        """Send `text` in place of a result line, or the first half of that line."""
        self._controls.add(Line(act="malform_line", which=which, text=text, times=times, skip=skip))

    def reorder_lines(self, *, times: int | None = 1, skip: int = 0) -> None:
        """Send the result lines in reverse."""
        self._controls.add(Line(act="reorder_lines", times=times, skip=skip))

    def fail_rows(
        self,
        *,
        after: int = 0,
        status: int = 402,
        body: str = "Account balance too low. Please add credits to continue.",
        times: int | None = None,
    ) -> None:
        """Let rows fail with this status from the one on that follows the first `after`; none is billed."""
        self._controls.add(FailRows(status=status, body=body, times=times, skip=after))

    def batch(self, fate: BatchAct, *, times: int | None = 1, skip: int = 0) -> None:
        """Give the batches that are created next a fate.

        ``"unpopulated"``: validating for ever, and once cancelled, cancelling for ever. ``"broken"``: failed
        before any row ran. ``"stalled"``: in progress for ever. ``"overdue"``: its deadline is past from the
        start, so that a running batch shows ``expired_at``.
        """
        self._controls.add(Batch(act=fate, times=times, skip=skip))


def _encoded(body: str | bytes | Mapping[str, Any]) -> tuple[str, bytes]:
    if isinstance(body, bytes):
        return "", body
    if isinstance(body, str):
        is_page = body.lstrip().startswith("<")
        return "text/html" if is_page else TEXT, body.encode()
    return "application/json", msgspec.json.encode(body)
