"""Texts as the inside of a JSON string: what json.dumps would escape, a column at a time."""

from json.encoder import encode_basestring

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FIRST_PLAIN, QUOTE, BACKSLASH = 0x20, 0x22, 0x5C
# What stands behind the backslash. A control character without a letter stands for itself until it is spelt out.
LETTERS = np.arange(256, dtype=np.uint8)
LETTERS[list(b"\n\r\t\b\f")] = list(b"nrtbf")
# With this bit turned, the quote follows right upon the control characters: one comparison finds both.
TURNED = 0x02
JOINT = pa.scalar(b"\\", pa.large_binary())


def escape(texts: pa.Array) -> pa.Array:
    """Escape texts for the inside of a JSON string; null stays null.

    Parameters
    ----------
    texts : pa.LargeStringArray, shape (n,)

    Notes
    -----
    All texts are escaped as one buffer: cut before every character that needs a backslash, and joined
    by backslashes. The count of what was escaped before each text moves its place.
    """
    _, offsets, buffer = texts.buffers()
    places = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    if not len(texts) or places[0] == places[-1]:
        return texts
    said = np.frombuffer(buffer, dtype=np.uint8)[places[0] : places[-1]]
    found = np.flatnonzero(((said ^ TURNED) <= (QUOTE ^ TURNED)) | (said == BACKSLASH))
    if not len(found):
        return texts
    letters = LETTERS.take(said.take(found))
    begins = places - places[0]
    moved = begins + np.searchsorted(found, begins)
    escaped = _with_backslashes(said, found, letters)
    is_rare = letters < FIRST_PLAIN
    if is_rare.any():
        escaped, longer = _spelt_out(escaped, set(letters[is_rare].tolist()))
        moved += longer * np.searchsorted(found[is_rare], begins)
    validity = pc.is_valid(texts).buffers()[1] if texts.null_count else None
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(moved), escaped, validity)


def _with_backslashes(said: np.ndarray, found: np.ndarray, letters: np.ndarray) -> pa.Buffer:
    """One text with a backslash and its letter for each character found."""
    lettered = said.copy()
    lettered[found] = letters
    borders = np.concatenate([[0], found, [len(said)]])
    runs = pa.Array.from_buffers(
        pa.large_binary(), len(borders) - 1, [None, pa.py_buffer(borders), pa.py_buffer(lettered)]
    )
    together = pa.LargeListArray.from_arrays(pa.array([0, len(runs)], pa.int64()), runs)
    return pc.binary_join(together, JOINT).buffers()[2]


def _spelt_out(escaped: pa.Buffer, controls: set[int]) -> tuple[pa.Buffer, int]:
    """A text in which control characters follow their backslashes as numbers, and how much longer each is."""
    written = escaped.to_pybytes()
    for control in controls:
        written = written.replace(bytes([control]), b"u%04x" % control)
    return pa.py_buffer(written), len("u0000") - 1


def escape_text(text: str) -> str:
    """Escape one text for the inside of a JSON string."""
    return encode_basestring(text)[1:-1]
