"""Ids as the server shows them: bare UUIDs, a row's one made from its place."""

import hashlib
import re
import uuid

_HYPHENATED = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
# As the Rust library that the real server reads ids with takes them: https://docs.rs/uuid
_SPELLINGS = re.compile(rf"{_HYPHENATED}|[0-9a-fA-F]{{32}}|urn:uuid:{_HYPHENATED}|\{{{_HYPHENATED}\}}")

_LINE_BYTES = 4
_BIT_LENGTH = 8 * _LINE_BYTES


def parse(text: str) -> str | None:
    """The id in its one spelling, or None if the text is no UUID at all."""
    # Python would take hyphens, and even underscores, wherever they stand.
    return str(uuid.UUID(text)) if _SPELLINGS.fullmatch(text) else None


def new() -> str:
    """A fresh random id."""
    return str(uuid.uuid4())


class RowIds:
    """Ids of a batch's rows, computed from the line and never stored.

    Twelve bytes belong to the batch, four are the line under a mask, so that an id
    looks random, needs no table of a million rows, and still leads back to its row.

    Parameters
    ----------
    batch_id : str
        The batch's id.
    """

    def __init__(self, batch_id: str) -> None:
        digest = hashlib.blake2b(batch_id.encode(), digest_size=16).digest()
        head = uuid.UUID(bytes=digest, version=4).hex[: -2 * _LINE_BYTES]
        self._head = f"{head[:8]}-{head[8:12]}-{head[12:16]}-{head[16:20]}-{head[20:]}"
        self._mask = int.from_bytes(digest[-_LINE_BYTES:])

    def of(self, line: int) -> str:
        """Id of the row at this line, counted from 0."""
        return f"{self._head}{line ^ self._mask:08x}"

    def line(self, row_id: str) -> int | None:
        """Line of the row with this id, or None if no row of this batch can have it."""
        canonical = parse(row_id)
        if canonical is None or not canonical.startswith(self._head):
            return None
        return int(canonical[len(self._head) :], 16) ^ self._mask
