"""Requests of a file, kept as a few slabs of lines: what a database does for each row is paid for each slab."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypedDict

import msgspec

from dwbatch.local.lines import Request

_encode = msgspec.json.encode

# Slabs that a look-up holds: rows end in about the order in which they begin.
_HELD = 4


class Figures(TypedDict):
    """How many requests of one model a file holds, and how many bytes of bodies."""

    count: int
    bytes: int


class Slab(NamedTuple):
    """Some accepted requests, one after the other.

    Parameters
    ----------
    total : int
        How many.
    lines : bytes
        NDJSON: the four fields in any order, nothing between them.
    models : dict of str to Figures
        What there is of each model.
    """

    total: int
    lines: bytes
    models: dict[str, Figures]


class Kept(msgspec.Struct, frozen=True, gc=False):
    """One request as it is kept."""

    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


read = msgspec.json.Decoder(Kept).decode


def pack(requests: Iterable[Request]) -> Slab:
    """A slab of requests."""
    lines, models = list[bytes](), dict[str, Figures]()
    for one in requests:
        lines.append(line(Kept(one.custom_id, one.method, one.url, msgspec.Raw(one.body))))
        add(models, {one.model: {"count": 1, "bytes": len(one.body)}})
    return Slab(len(lines), b"".join(lines), models)


def add(models: dict[str, Figures], more: dict[str, Figures]) -> None:
    """Add figures to figures."""
    for name, figures in more.items():
        of_model = models.setdefault(name, {"count": 0, "bytes": 0})
        of_model["count"] += figures["count"]
        of_model["bytes"] += figures["bytes"]


def keep(db: sqlite3.Connection, slabs: Iterable[Slab]) -> tuple[int, dict[str, Figures]]:
    """Store a file's slabs.

    Returns
    -------
    first : int
        Number of the first request among all of the store.
    models : dict of str to Figures
        What there is of each model.
    """
    found = db.execute("SELECT first + total FROM slab ORDER BY first DESC LIMIT 1").fetchone()
    first = number = found[0] if found else 1
    models: dict[str, Figures] = {}
    for slab in slabs:
        db.execute(
            "INSERT INTO slab (first, total, lines) VALUES (?, ?, ?)", (number, slab.total, slab.lines)
        )
        number += slab.total
        add(models, slab.models)
    return first, models


def of_file(db: sqlite3.Connection, first: int, total: int) -> Iterator[Kept]:
    """The requests of a file, in order."""
    # A file begins and ends with a slab of its own.
    found = db.execute(
        "SELECT lines FROM slab WHERE first >= ? AND first < ? ORDER BY first", (first, first + total)
    )
    for (lines,) in found:
        yield from map(read, split(lines))


def split(lines: bytes) -> list[bytes]:
    """The lines of a slab."""
    # Cut at b"\n" alone: what else ends a line of text may stand inside of a string.
    return lines.split(b"\n")[:-1]


def line(one: Kept) -> bytes:
    """A request as a file's content is read back, its fields in the real server's order."""
    return b'{"custom_id":%b,"method":%b,"url":%b,"body":%b}\n' % (
        _encode(one.custom_id),
        _encode(one.method),
        _encode(one.url),
        one.body,
    )


class Lookup:
    """Single requests of the store by their number; for one thread at a time.

    The slabs that were read last are held, so that neighbours are read once.
    """

    def __init__(self) -> None:
        self._held: dict[int, list[bytes]] = {}
        self._last: tuple[int, list[bytes]] = (0, [])

    def request(self, db: sqlite3.Connection, number: int) -> Kept:
        """A request."""
        first, lines = self._last
        if not first <= number < first + len(lines):
            first, lines = self._last = self._slab(db, number)
        return read(lines[number - first])

    def _slab(self, db: sqlite3.Connection, number: int) -> tuple[int, list[bytes]]:
        for first, held in self._held.items():
            if first <= number < first + len(held):
                return first, held
        found = db.execute(
            "SELECT first, lines FROM slab WHERE first <= ? ORDER BY first DESC LIMIT 1", (number,)
        ).fetchone()
        if len(self._held) == _HELD:
            del self._held[next(iter(self._held))]
        self._held[found["first"]] = split(found["lines"])
        return found["first"], self._held[found["first"]]
