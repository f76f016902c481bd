"""An upload as it arrives: multipart cut into fields, the file kept aside on disk."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import BinaryIO

from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from dwbatch.local.limits import Limits
from dwbatch.local.replies import Refusal

# What fits the real server's 64 bits, with room to be added to a time.
_SECONDS = re.compile(r"[+-]?[0-9]{1,18}")

OVERHEAD_BYTES = 10 * 1024
_BROKEN = "Failed to read multipart upload: Error parsing `multipart/form-data` request"


@dataclass(slots=True)
class Upload:
    """What one multipart body held.

    Parameters
    ----------
    file : file object
        Where the bytes of the file parts were written, one after the other.
    """

    file: BinaryIO
    filename: str | None = None
    purpose: str = ""
    expires_after_s: int | None = None
    has_file: bool = False
    file_bytes: int = 0
    refusal: Refusal | None = None


@dataclass(slots=True)
class _Part:
    """The part that is being read."""

    name: str = ""
    text: bytearray = field(default_factory=bytearray)


class _Reader:
    """Callbacks of the multipart parser, filling one `Upload`."""

    def __init__(self, upload: Upload, limits: Limits) -> None:
        self._upload = upload
        self._limits = limits
        self._part = _Part()
        self._header = (bytearray(), bytearray())
        self.is_whole = False

    def on_part_begin(self) -> None:
        self._part = _Part()

    def on_header_field(self, chunk: bytes, start: int, end: int) -> None:
        self._header[0].extend(chunk[start:end])

    def on_header_value(self, chunk: bytes, start: int, end: int) -> None:
        self._header[1].extend(chunk[start:end])

    def on_header_end(self) -> None:
        name, value = (bytes(part) for part in self._header)
        self._header = (bytearray(), bytearray())
        if name.lower() == b"content-disposition":
            _, options = parse_options_header(value)
            self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
            if self._part.name == "file":
                if self._upload.has_file:
                    # Each part ends its last line, whether or not it says so.
                    self._upload.file.write(b"\n")
                self._upload.has_file = True
                if b"filename" in options:
                    self._upload.filename = options[b"filename"].decode("utf-8", "replace")

    def on_part_data(self, chunk: bytes, start: int, end: int) -> None:
        if self._part.name == "file":
            self._upload.file_bytes += end - start
            if self._upload.file_bytes > self._limits.max_file_bytes:
                raise too_large(self._limits)
            self._upload.file.write(chunk[start:end])
        elif len(self._part.text) <= OVERHEAD_BYTES:
            self._part.text.extend(chunk[start:end])

    def on_part_end(self) -> None:
        text = self._part.text.decode("utf-8", "replace")
        if self._part.name == "purpose":
            # Checked here, because the real server refuses before it reads on.
            if text.lower() != "batch":
                raise Refusal(400, f"Invalid purpose '{text}'. Only 'batch' is supported.")
            self._upload.purpose = "batch"
        elif self._part.name == "expires_after[seconds]":
            # The server drops what it cannot read here, without a word.
            self._upload.expires_after_s = int(text) if _SECONDS.fullmatch(text) else None

    def on_end(self) -> None:
        self.is_whole = True


def too_large(limits: Limits) -> Refusal:
    """The refusal of a file beyond the bound."""
    return Refusal(413, f"File exceeds the maximum allowed size of {limits.max_file_bytes} bytes")


async def receive(request: Request, file: BinaryIO, limits: Limits) -> Upload:
    """Read a multipart body to its end.

    Parameters
    ----------
    request : Request
        The HTTP request, its body not yet read.
    file : file object
        Where the file's bytes go; never more than `limits` allows.
    limits : Limits
        Bounds of this server.

    Returns
    -------
    Upload
        The fields, with the file's bytes written to `file`.

    Raises
    ------
    Refusal
        413 for a file too large, by its announced or its real size; 400 for what is not multipart.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.max_file_bytes + OVERHEAD_BYTES:
        raise too_large(limits)
    kind, options = parse_options_header(request.headers.get("content-type"))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise Refusal(400, "Invalid multipart request: Invalid `boundary` for `multipart/form-data` request")
    upload = Upload(file)
    await _feed(request.stream(), MultipartParser, boundary, _Reader(upload, limits))
    if not upload.has_file:
        raise Refusal(400, "No file field found in multipart upload")
    return upload


async def _feed(
    stream: AsyncIterator[bytes], parser_class: type[MultipartParser], boundary: bytes, reader: _Reader
) -> None:
    names = (
        "on_part_begin",
        "on_header_field",
        "on_header_value",
        "on_header_end",
        "on_part_data",
        "on_part_end",
        "on_end",
    )
    parser = parser_class(boundary, {name: getattr(reader, name) for name in names})  # type: ignore[arg-type]  # names are those of the callbacks' table
    try:
        async for chunk in stream:
            if chunk:
                parser.write(chunk)
        parser.finalize()
    except ValueError as error:  # the parser's own errors are ValueErrors
        raise Refusal(400, _BROKEN) from error
    if not reader.is_whole:
        raise Refusal(400, _BROKEN)
