"""Images for models that see: read where their rows name them, and sent within the request."""

import base64
import logging
from os import PathLike, fspath
from pathlib import Path

from dwbatch.columns import ErrorCode
from dwbatch.errors import InputError
from dwbatch.prompts.images import Image, Source
from dwbatch.prompts.made import RowError

logger = logging.getLogger(__name__)

#: Larger than any batch file may be, by the published limit of 200 MB.
MOST_BYTES = 200_000_000
DETAILS = ("low", "high", "auto")
AS_THEY_ARE = ("http://", "https://", "data:")
# The first bytes of each kind that models commonly take; WebP has its length in between.
KINDS = (
    (b"\x89PNG\r\n\x1a\n", b"", "image/png"),
    (b"\xff\xd8\xff", b"", "image/jpeg"),
    (b"GIF87a", b"", "image/gif"),
    (b"GIF89a", b"", "image/gif"),
    (b"RIFF", b"WEBP", "image/webp"),
)


def image(source: Source | PathLike[str], *, detail: str | None = None) -> Image:
    """An image among the parts of a prompt or of a message.

    Parameters
    ----------
    source : str, PathLike or bytes
        In a prompt or in ``messages=[…]``, a template: of a path (``"{path}"``,
        ``"scans/{name}.jpg"``), of an ``http``, ``https`` or ``data:`` URL, which is sent as it is, or one
        bare slot that names a column of bytes. In what a callable returns, the path, URL or bytes
        themselves.
    detail : {"low", "high", "auto"}, optional
        How closely the model should look, where it knows that.

    Returns
    -------
    Image
        PNG, JPEG, GIF or WebP, told by its first bytes and not by its name. A row whose image is missing
        or of another kind is ``skipped`` with ``unreadable_image``.

    Raises
    ------
    InputError
        If the source is none of these, or `detail` is not known.

    Notes
    -----
    A file is read once to plan the request and once more to write it, and is held only while it is
    written. Paths are relative to the working directory.

    Examples
    --------
    >>> image("scans/{name}.png").source
    'scans/{name}.png'
    """
    if isinstance(source, PathLike):
        source = fspath(source)
    if not isinstance(source, str | bytes | bytearray | memoryview) or not source:
        raise InputError.nothing_sent(
            f"image() takes a template of a path or URL, as in image('{{path}}'); got {type(source).__name__!r}."
        )
    if detail is not None and detail not in DETAILS:
        raise InputError.nothing_sent(f"detail= takes 'low', 'high' or 'auto'; got {detail!r}.")
    return Image(source, detail)


def read_image(source: Source) -> str:
    """URL that a request holds an image by.

    Parameters
    ----------
    source : str or bytes
        A URL is given back as it is; a file, or bytes, become a ``data:`` URL.

    Raises
    ------
    RowError
        If there is no such file, or it holds no image of a kind that models take.
    """
    if isinstance(source, str) and source.lower().startswith(AS_THEY_ARE):
        return source
    if isinstance(source, bytes | bytearray | memoryview):
        where, held = "the image", bytes(source)
    else:
        where = f"the image {source!r}"
        held = _read_file(Path(source), where)
    kind = _kind_of(held)
    if kind is None:
        begins = f"begins with {held[:8]!r}" if held else "is empty"
        raise _unreadable(f"{where} is no PNG, JPEG, GIF or WebP: it {begins}")
    logger.debug("image of %d bytes, %s", len(held), kind)
    return f"data:{kind};base64,{base64.b64encode(held).decode()}"


def _read_file(path: Path, where: str) -> bytes:
    try:
        # Not a pipe or a device, which would keep the call waiting for ever.
        if path.exists() and not path.is_file():
            raise _unreadable(f"{where} is not a file")
        with path.open("rb") as file:
            held = file.read(MOST_BYTES + 1)
    # A NUL in a path is a ValueError.
    except (OSError, ValueError) as error:
        raise _unreadable(f"{where} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(held) > MOST_BYTES:
        raise RowError(ErrorCode.REQUEST_TOO_LARGE, f"{where} is larger than {MOST_BYTES:,} bytes")
    return held


def _kind_of(held: bytes) -> str | None:
    return next(
        (kind for start, after, kind in KINDS if held.startswith(start) and held[8:].startswith(after)), None
    )


def _unreadable(reason: str) -> RowError:
    return RowError(ErrorCode.UNREADABLE_IMAGE, reason)
