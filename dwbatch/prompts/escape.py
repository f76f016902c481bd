"""Texts as the inside of a JSON string: what json.dumps would escape, a column at a time."""

from json.encoder import encode_basestring

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# What JSON must escape: the backslash first, or the backslashes of the others would be escaped as well.
SHORT = {
    b"\\": b"\\\\",
    b'"': b'\\"',
    b"\n": b"\\n",
    b"\r": b"\\r",
    b"\t": b"\\t",
    b"\b": b"\\b",
    b"\f": b"\\f",
}
FIRST_PLAIN, QUOTE, BACKSLASH = 0x20, 0x22, 0x5C
# What each pass makes of a block stays in the cache for the next one: of megabytes it takes three times as long.
BLOCK = 128 * 1024
IS_SHORT = np.isin(np.arange(256), [ord(character) for character in SHORT])


def escape(texts: pa.Array) -> pa.Array:
    """Escape texts for the inside of a JSON string; null stays null.

    Parameters
    ----------
    texts : pa.LargeStringArray, shape (n,)

    Notes
    -----
    All texts are escaped as one buffer, block by block, each kind of character in one pass; the counts
    of what was escaped before each text move its place. Control characters without a short escape are
    rare, and take the slow way.
    """
    _, offsets, buffer = texts.buffers()
    places = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    if not len(texts) or places[0] == places[-1]:
        return texts
    said = np.frombuffer(buffer, dtype=np.uint8)[places[0] : places[-1]]
    found = np.concatenate([_special(said[at : at + BLOCK]) + at for at in range(0, len(said), BLOCK)])
    if not len(found):
        return texts
    if not IS_SHORT[said[found]].all():
        return _escape_each(texts)
    escaped = b"".join(_escape_block(said[at : at + BLOCK].tobytes()) for at in range(0, len(said), BLOCK))
    begins = places - places[0]
    moved = pa.array(begins + np.searchsorted(found, begins))
    validity = pc.is_valid(texts).buffers()[1] if texts.null_count else None
    return pa.LargeStringArray.from_buffers(len(texts), moved.buffers()[1], pa.py_buffer(escaped), validity)


def _special(said: np.ndarray) -> np.ndarray:
    """Where a character stands that JSON must escape."""
    return np.flatnonzero((said < FIRST_PLAIN) | (said == QUOTE) | (said == BACKSLASH))


def _escape_block(said: bytes) -> bytes:
    for character, short in SHORT.items():
        said = said.replace(character, short)
    return said


def _escape_each(texts: pa.Array) -> pa.Array:
    escaped = [None if text is None else escape_text(text) for text in texts.to_pylist()]
    return pa.array(escaped, type=pa.large_string())


def escape_text(text: str) -> str:
    """Escape one text for the inside of a JSON string."""
    return encode_basestring(text)[1:-1]
