"""Identity: a request is its content.

Its key is a hash of what is sent; its custom_id carries the key, so that any
result line says by itself what it answers; a recipe hash names the place where
requests made in one way are kept.
"""

import base64
import re
from collections.abc import Mapping
from hashlib import blake2b
from itertools import chain, product
from json import dumps

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.prompts.distinct import KEY_BYTES, distinct
from dwbatch.prompts.made import Made
from dwbatch.prompts.template import Template

KEY = pa.binary(KEY_BYTES)
KEY_TEXT_LENGTH = 26
ALPHABET = b"abcdefghijklmnopqrstuvwxyz234567"
# Two letters at a time: ten bits are the place of a pair.
PAIRS = np.frombuffer(bytes(chain(*product(ALPHABET, ALPHABET))), dtype=np.uint16)
WORD_BITS, TWO_WORDS_BITS = np.uint64(64), np.uint64(128)
# The server's limit, in bytes of UTF-8; ours are ASCII, so also in characters.
MAX_CUSTOM_ID = 64
# 26 letters hold 130 bits; the last one carries three of the key's and two zeros.
CARRIES_KEY = re.compile(r"-row-[0-9]+-([a-z2-7]{25}[aeimquy4])\Z")
NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


def request_keys(
    texts: pa.Array, *, endpoint: str, edition: str = "", before: int = 0, after: int | np.ndarray = 0
) -> pa.Array:
    """Key of each request: blake2b-128 of endpoint, edition and body.

    Parameters
    ----------
    texts : pa.LargeStringArray, shape (n_rows,)
        Canonical JSON of the bodies, or texts that they stand in; null where a row makes no request.
    endpoint : str
        Path the request is sent to, as in ``/v1/chat/completions``.
    edition : str
        The user's word that makes the same request a new purchase.
    before : int
        Bytes of a text before its body.
    after : int, or np.ndarray of int64 of shape (n_rows,)
        Bytes of a text after its body.

    Returns
    -------
    pa.FixedSizeBinaryArray, shape (n_rows,), 16 bytes each
        Null where the text is.
    """
    # Lengths in front: no two pairs of endpoint and edition run into one another.
    start = blake2b(digest_size=KEY_BYTES)
    for part in (endpoint.encode(), edition.encode()):
        start.update(len(part).to_bytes(8, "little") + part)
    _, offsets, buffer = texts.buffers()
    places = np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    begins, ends = (places[:-1] + before).tolist(), (places[1:] - after).tolist()
    view = memoryview(buffer) if buffer is not None else memoryview(b"")
    digests = bytearray()
    for begin, end in zip(begins, ends, strict=True):
        hashed = start.copy()
        hashed.update(view[begin:end])
        digests += hashed.digest()
    return _keys(bytes(digests), len(texts), np.asarray(texts.is_null()))


def _keys(digests: bytes, count: int, nulls: np.ndarray) -> pa.Array:
    validity = pa.array(~nulls).buffers()[1] if nulls.any() else None
    return pa.Array.from_buffers(KEY, count, [validity, pa.py_buffer(digests)])


def occurrence_keys(keys: pa.Array, occurrences: np.ndarray) -> pa.Array:
    """Tell equal requests apart by their occurrence number; number 0 keeps its key.

    Parameters
    ----------
    keys : pa.FixedSizeBinaryArray, shape (n_rows,)
    occurrences : np.ndarray of int64, shape (n_rows,)
        How many equal requests stand before this one.
    """
    if not occurrences.any():
        return keys
    mixed = [
        key
        if key is None or not number
        else blake2b(key + number.to_bytes(8, "little"), digest_size=KEY_BYTES).digest()
        for key, number in zip(keys.to_pylist(), occurrences.tolist(), strict=True)
    ]
    return pa.array(mixed, type=KEY)


def count_occurrences(keys: pa.Array) -> np.ndarray:
    """How many equal keys stand before each; 0 for a null."""
    _, codes = distinct(keys)
    order = np.argsort(codes, kind="stable")
    ranked = codes[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    run = np.arange(len(codes)) - np.repeat(starts, np.diff(np.r_[starts, len(codes)]))
    occurrences = np.empty(len(codes), dtype=np.int64)
    occurrences[order] = run
    occurrences[codes < 0] = 0
    return occurrences


def key_texts(keys: pa.Array) -> pa.Array:
    """Keys in base32: 26 lower-case letters and digits each.

    Parameters
    ----------
    keys : pa.FixedSizeBinaryArray, shape (n,), without nulls
    """
    raw = np.frombuffer(keys.buffers()[1], dtype=np.uint8)
    raw = raw[keys.offset * KEY_BYTES : (keys.offset + len(keys)) * KEY_BYTES].reshape(len(keys), KEY_BYTES)
    high, low = raw.view(">u8").astype(np.uint64).T.copy()
    letters = np.empty((len(keys), KEY_TEXT_LENGTH // 2), dtype=np.uint16)
    for place in range(KEY_TEXT_LENGTH // 2):
        letters[:, place] = PAIRS.take(_ten_bits(high, low, place * 10))
    offsets = np.arange(len(keys) + 1, dtype=np.int64) * KEY_TEXT_LENGTH
    return pa.LargeStringArray.from_buffers(len(keys), pa.py_buffer(offsets), pa.py_buffer(letters))


def _ten_bits(high: np.ndarray, low: np.ndarray, start: int) -> np.ndarray:
    """Ten bits of each key from bit `start` on, counted from its first byte; zeros follow the last bit."""
    end = np.uint64(start + 10)
    if end <= WORD_BITS:
        bits = high >> (WORD_BITS - end)
    elif start < WORD_BITS:
        bits = high << (end - WORD_BITS) | low >> (TWO_WORDS_BITS - end)
    elif end <= TWO_WORDS_BITS:
        bits = low >> (TWO_WORDS_BITS - end)
    else:
        bits = low << (end - TWO_WORDS_BITS)
    return (bits & np.uint64(1023)).view(np.int64)


def key_of(custom_id: str) -> bytes | None:
    """The key that a default custom_id carries; None if it carries none.

    Examples
    --------
    >>> key_of("job-row-7-" + "a" * 26) == bytes(16)
    True
    >>> key_of("user-7") is None
    True
    """
    carried = CARRIES_KEY.search(custom_id)
    return base64.b32decode(carried[1].upper() + "=" * 6) if carried else None


def default_custom_ids(name: str, positions: np.ndarray, keys: pa.Array, *, n_rows: int) -> pa.Array:
    """custom_ids ``<name>-row-<position>-<key>``, the name cut so that 64 bytes suffice.

    Parameters
    ----------
    name : str
        The job's name; whatever is not an ASCII letter, digit, dot, underscore or hyphen
        becomes a hyphen, since a custom_id travels in an HTTP header.
    positions : np.ndarray of int32 or int64, shape (n,)
        Row positions in the frame.
    keys : pa.FixedSizeBinaryArray, shape (n,)
        answers_keys.
    n_rows : int
        Rows of the frame: every position is below.
    """
    numbers = pa.array(positions, pa.int64()).cast(pa.large_string())
    front, hyphen = (pa.scalar(text, pa.large_string()) for text in (_front(name, n_rows), "-"))
    return pc.binary_join_element_wise(front, numbers, key_texts(keys), hyphen)


def default_custom_id_sizes(name: str, positions: np.ndarray, *, n_rows: int) -> np.ndarray:
    """Bytes of each of `default_custom_ids`, without making them; uint8."""
    shortest = len(_front(name, n_rows)) + KEY_TEXT_LENGTH + len("--0")
    # A byte for each is kept, and a comparison for each digit made: ten million are no place for wide numbers.
    sizes = np.full(len(positions), shortest, dtype=np.uint8)
    for digits in range(1, len(str(n_rows))):
        sizes += positions >= 10**digits
    return sizes


def _front(name: str, n_rows: int) -> str:
    longest = len(str(max(n_rows - 1, 0)))
    room = MAX_CUSTOM_ID - KEY_TEXT_LENGTH - len("-row--") - longest
    return f"{NOT_PLAIN.sub('-', name)[:room]}-row"


def recipe_hash(*, server: str, endpoint: str, body: Mapping[str, object], edition: str) -> str:
    """Hash of what makes requests out of rows: 16 hexadecimal characters.

    Parameters
    ----------
    server : str
        Identity of the server: its normalised address, or ``local``.
    endpoint : str
    body : mapping
        The request body with templates and made parts where it depends on the row: a template counts
        by its text, a column or a callable by its name.
    edition : str
    """
    recipe = {"server": server, "endpoint": endpoint, "edition": edition, "body": body}
    written = dumps(recipe, sort_keys=True, ensure_ascii=True, default=_plain)
    return blake2b(written.encode(), digest_size=8).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Template):
        return {"template": value.text}
    if isinstance(value, Made):
        return {"made": value.written}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON")
