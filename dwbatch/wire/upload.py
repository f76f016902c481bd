"""A file as a multipart body that is read from disk while it is sent."""

import io
import os
import threading
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from dwbatch.wire.failures import StoppedError


class MultipartFile:
    """The body of an upload: readable, rewindable, of exact length, never whole in memory.

    Parameters
    ----------
    path : Path
        The file to send.
    filename : str
        Its name on the server.
    purpose : str
        Sent in front of the file.
    stopping : threading.Event, optional
        Once set, the next read raises, which ends an upload that is half-way: of a body cut short
        the server keeps nothing (recorded).

    Notes
    -----
    ``requests`` builds the body of ``files=`` in memory, twice over; this one costs a block.
    """

    def __init__(
        self, path: Path, *, filename: str, purpose: str = "batch", stopping: threading.Event | None = None
    ) -> None:
        boundary = uuid.uuid4().hex
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._path = path
        self._stopping = stopping
        self._head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_quoted(filename)}"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file = path.open("rb")
        self._file_size = os.fstat(self._file.fileno()).st_size
        self._position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._head) + self._file_size + len(self._tail)

    def close(self) -> None:
        """Close the file on disk."""
        self._file.close()

    def tell(self) -> int:
        """Bytes from the beginning of the body."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to another place in the body, so that it can be sent again."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self)}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the body.

        Parameters
        ----------
        size : int
            How many at most; all that are left if negative.

        Raises
        ------
        StoppedError
            Once `stopping` is set, if something is left to send.
        OSError
            If the file became shorter since it was opened.
        """
        left = max(0, len(self) - self._position)
        # The server has all of a body that is read to its end: its reply is on its way, and worth waiting for.
        if left and self._stopping is not None and self._stopping.is_set():
            raise StoppedError.during("POST /files")
        wanted = left if size < 0 else min(size, left)
        block = self._block(wanted)
        self._position += len(block)
        return block

    def _block(self, wanted: int) -> bytes:
        parts: list[bytes] = []
        position = self._position
        while wanted:
            part = self._part_at(position, wanted)
            parts.append(part)
            position += len(part)
            wanted -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _part_at(self, position: int, wanted: int) -> bytes:
        in_file = position - len(self._head)
        if in_file < 0:
            return self._head[position : position + wanted]
        in_tail = in_file - self._file_size
        if in_tail >= 0:
            return self._tail[in_tail : in_tail + wanted]
        self._file.seek(in_file)
        part = self._file.read(min(wanted, self._file_size - in_file))
        if not part:
            raise OSError(f"{str(self._path)!r} became shorter while it was being sent")
        return part


def _quoted(filename: str) -> str:
    # The WHATWG form: the three characters that would end the name or the header.
    return filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
