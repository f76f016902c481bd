"""The three streams of a process, whatever state it was started in: closed, broken, or a log.

Under cron, ``nohup``, ``>&-`` and ``| head`` a stream may be missing, or end before the work does. The work is
paid for, so none of that may end it.
"""

import datetime as dt
import io
import json
import logging
import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

CANCEL = re.compile(r"dwbatch\.attach\((['\"])(.+?)\1\)\.cancel\(\)")
PLACES = ("stdin", "stdout", "stderr")


def in_shell_words(text: str) -> str:
    """A sentence of the library as somebody at a shell reads it.

    Examples
    --------
    >>> in_shell_words("dwbatch.attach('out.dwbatch').cancel() stops the spending.")
    '`dwbatch cancel out.dwbatch` stops the spending.'
    """
    return CANCEL.sub(lambda found: f"`dwbatch cancel {shlex.quote(found[2])}`", text)


class Complaints(io.TextIOBase):
    """stderr as the library writes to it: in the words of a shell, as JSON lines if asked, and never an error.

    Parameters
    ----------
    stream : TextIO
        Where it goes in the end.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rest = ""
        self.is_json = False

    @property
    def encoding(self) -> str:  # type: ignore[override] # settled by the stream, as everything here
        """That of the stream; a bar is drawn with the letters that it knows."""
        return self._stream.encoding or "ascii"

    def isatty(self) -> bool:
        """Whether a person sees it at once."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """That of the stream."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Write a text; where nobody reads, it is lost without a word."""
        if not self.is_json:
            self._send(in_shell_words(text))
            return len(text)
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                self.log("INFO", line.rpartition("\r")[2])
        return len(text)

    def log(self, level: str, message: str, *, logger: str = "dwbatch", at: float | None = None) -> None:
        """Write a line of JSON."""
        moment = dt.datetime.now(dt.UTC) if at is None else dt.datetime.fromtimestamp(at, dt.UTC)
        said = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": level,
            "logger": logger,
            "message": in_shell_words(message),
        }
        self._send(json.dumps(said, ensure_ascii=False) + "\n")

    def complain(self, sentence: str) -> None:
        """Say in one line why a command has failed."""
        if self.is_json:
            self.log("ERROR", sentence)
        else:
            self.write(f"{sentence}\n")

    def flush(self) -> None:
        """Hand over what is written."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def _send(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            turn_away(self._stream)


class JsonLines(logging.Handler):
    """Log lines as JSON on stderr."""

    def __init__(self, stream: Complaints) -> None:
        super().__init__(logging.INFO)
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:  # logging's own word
        """Write one log line."""
        self._stream.log(record.levelname, record.getMessage(), logger=record.name, at=record.created)


def turn_away(stream: TextIO) -> None:
    """Let what is still to be written to a stream go nowhere: whoever read it has left.

    Otherwise the interpreter would complain once more when it flushes at its end.
    """
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextmanager
def streams() -> Iterator[Complaints]:
    """The streams of a command; as they were afterwards."""
    before = {name: getattr(sys, name) for name in PLACES}
    for name, stream in before.items():
        if stream is None:
            # In their order, so that the lowest numbers are taken: a file of ours that
            # became number 1 would be written to by whoever prints.
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - it stands for a stream as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A Windows pipe or an old locale knows few letters; a question mark in the
            # output is better than a UnicodeEncodeError in place of it.
            stream.reconfigure(errors="replace")
    complaints = Complaints(sys.stderr)
    sys.stderr = complaints
    try:
        yield complaints
    finally:
        for name, stream in before.items():
            if stream is not None:
                setattr(sys, name, stream)
