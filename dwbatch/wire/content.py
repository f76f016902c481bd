"""A result file while it comes down the line."""

import http.client
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import requests
import urllib3.exceptions

from dwbatch.wire.failures import StoppedError, transport_error, without_frames

BLOCK_BYTES = 64 * 1024


class Content:
    """A file's bytes as they arrive, and what the server said about them beforehand.

    Use it in a ``with`` statement; leaving it early drops the connection.

    Attributes
    ----------
    incomplete : bool or None
        ``X-Incomplete``: more lines may follow later. True for ever on a batch that was cancelled
        before it began (recorded); None if the header is absent, as everywhere but at Doubleword.
    last_line : int or None
        ``X-Last-Line``: ``skip`` and the number of lines promised *before* the body was read from
        the database; fewer may arrive. None if the header is absent.
    """

    def __init__(self, call: str, response: requests.Response, stopping: threading.Event) -> None:
        self.incomplete = _flag(response.headers.get("X-Incomplete"))
        self.last_line = _count(response.headers.get("X-Last-Line"))
        self._call = call
        self._response = response
        self._stopping = stopping

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()

    def blocks(self) -> Iterator[bytes]:
        """The bytes, in blocks of any size up to `BLOCK_BYTES`.

        Raises
        ------
        TransportError
            If the connection ended inside the body, after all blocks that did arrive; if it fell
            silent instead, up to one block is lost with it.
        StoppedError
            Once the client was told to stop.
        """
        raw = self._response.raw
        encoded = "Content-Encoding" in self._response.headers
        # Neither read1 nor stream: the server sends a chunk a line, and they
        # hand over one chunk at a time, which takes five times as long.
        while True:
            if self._stopping.is_set():
                raise StoppedError.during(self._call)
            try:
                block: bytes = raw.read(BLOCK_BYTES, decode_content=encoded)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                rest = b"" if encoded else _collected(error)
                failure, cause = transport_error(self._call, error), without_frames(error)
                break
            if not block:
                return
            yield block
        if rest:
            yield rest
        raise failure from cause


def _collected(error: Exception) -> bytes:
    # http.client hands over, with its complaint, the chunks before the cut.
    cuts = [cause for cause in error.args if isinstance(cause, http.client.IncompleteRead)]
    return b"".join(cut.partial for cut in cuts if isinstance(cut.partial, bytes))


def _flag(header: str | None) -> bool | None:
    return {"true": True, "false": False}.get((header or "").strip().lower())


def _count(header: str | None) -> int | None:
    text = (header or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None
