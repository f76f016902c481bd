"""A result file while it comes down the line."""

import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import requests
import urllib3.exceptions

from dwbatch.wire.failures import StoppedError, transport_error, without_frames

BLOCK_BYTES = 256 * 1024


class Content:
    """A file's bytes as they arrive, and what the server said about them beforehand.

    Use it in a ``with`` statement; leaving it early drops the connection.

    Attributes
    ----------
    incomplete : bool or None
        ``X-Incomplete``: more lines may follow later. True for ever on a batch that was cancelled
        before it began [R]; None if the header is absent, as everywhere but at Doubleword.
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
        """The bytes, in blocks of any size up to `BLOCK_BYTES`, each as soon as it has come.

        Raises
        ------
        TransportError
            If the connection ended inside the body, after all blocks that did arrive.
        StoppedError
            Once the client was told to stop.
        """
        # Not stream(): that collects a whole block first, and a cut line
        # would take what it had collected with it.
        read: Callable[..., bytes] = self._response.raw.read1
        while True:
            if self._stopping.is_set():
                raise StoppedError.during(self._call)
            try:
                block = read(BLOCK_BYTES, decode_content=True)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise transport_error(self._call, error) from without_frames(error)
            if not block:
                return
            yield block


def _flag(header: str | None) -> bool | None:
    return {"true": True, "false": False}.get((header or "").strip().lower())


def _count(header: str | None) -> int | None:
    text = (header or "").strip()
    return int(text) if text.isascii() and text.isdigit() else None
