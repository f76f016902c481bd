"""Ends of rows, some hundreds together: lines just as a batch's files show them, so that to serve is to copy."""

import sqlite3
from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator

import msgspec

from dwbatch.local.slabs import split
from dwbatch.local.views import OUTPUT

# Large enough that a database's work for each row is nothing, small enough to be held and copied.
SLAB_BYTES = 1024 * 1024

# Which line of the input each is, in four bytes.
_NUMBERS = "I"
# Slabs that a look-up holds: rows end in about the order in which they begin.
_HELD = 4
# What an error line says where nobody gave a reason.
_UNKNOWN = "Unknown error"

_encode = msgspec.json.encode


class Response(msgspec.Struct, gc=False):
    """What a model answered."""

    status_code: int
    body: msgspec.Raw


class Fault(msgspec.Struct, gc=False):
    """Why there is no answer."""

    message: str


class Shown(msgspec.Struct, gc=False):
    """A line, read again."""

    id: str
    custom_id: str
    response: Response | None
    error: Fault | None

    @property
    def stored(self) -> bytes:
        """The answer's body, or the reason why there is none."""
        if self.response is not None:
            return bytes(self.response.body)
        return self.error.message.encode() if self.error is not None else b""


read = msgspec.json.Decoder(Shown).decode


def line(row_id: str, custom_id: str, kind: int, status_code: int, body: bytes) -> bytes:
    """A line of a batch's output or error file.

    Parameters
    ----------
    row_id : str
        The row's UUID.
    custom_id : str
        As the client gave it.
    kind : int
        `OUTPUT`, or any other for a row without an answer.
    status_code : int
        Of the model's reply.
    body : bytes
        The reply's compact JSON, or the reason as a text.
    """
    if kind == OUTPUT:
        return (
            b'{"id":"batch_req_%b","custom_id":%b,"response":{"status_code":%d,"request_id":null,"body":%b},"error":null}\n'
            % (row_id.encode(), _encode(custom_id), status_code, body)
        )
    return b'{"id":"batch_req_%b","custom_id":%b,"response":null,"error":{"code":null,"message":%b}}\n' % (
        row_id.encode(),
        _encode(custom_id),
        _encode(body.decode() or _UNKNOWN),
    )


def keep(db: sqlite3.Connection, batch: int, kind: int, ended: Iterable[tuple[int, bytes]]) -> int:
    """Store rows that have ended, each with its place in the input and its line; the bytes of all lines."""
    numbers, lines, size, total_size = array(_NUMBERS), list[bytes](), 0, 0
    for number, text in ended:
        numbers.append(number)
        lines.append(text)
        size += len(text)
        if size >= SLAB_BYTES:
            _insert(db, batch, kind, numbers, lines)
            total_size += size
            numbers, lines, size = array(_NUMBERS), [], 0
    if lines:
        _insert(db, batch, kind, numbers, lines)
    return total_size + size


def _insert(db: sqlite3.Connection, batch: int, kind: int, numbers: "array[int]", lines: list[bytes]) -> None:
    db.execute(
        "INSERT INTO result (batch, kind, total, numbers, lines) VALUES (?, ?, ?, ?, ?)",
        (batch, kind, len(lines), numbers.tobytes(), b"".join(lines)),
    )


def over(db: sqlite3.Connection, batch: int) -> Iterator[int]:
    """Places in the input of rows that have ended, in any order."""
    for (numbers,) in db.execute("SELECT numbers FROM result WHERE batch = ?", (batch,)):
        yield from array(_NUMBERS, numbers)


def size(db: sqlite3.Connection, batch: int, kind: int) -> tuple[int, int]:
    """How many lines one of a batch's files has, and how many bytes."""
    total, length = db.execute(
        "SELECT coalesce(sum(total), 0), coalesce(sum(length(lines)), 0) FROM result WHERE batch = ? AND kind = ?",
        (batch, kind),
    ).fetchone()
    return total, length


def texts(
    db: sqlite3.Connection, batch: int, kind: int, *, skip: int = 0, limit: int | None = None
) -> Iterator[bytes]:
    """Lines of one of a batch's files, in the order in which rows ended, many in a text.

    Parameters
    ----------
    db : sqlite3.Connection
        Reading, for as long as texts are taken.
    batch : int
        Number of the batch in the store.
    kind : int
        Which of the files.
    skip : int
        Lines left out at the beginning.
    limit : int, optional
        Most lines; None is all.
    """
    first, skip = _start(db, batch, kind, skip)
    found = db.execute(
        "SELECT total, lines FROM result WHERE batch = ? AND kind = ? AND seq >= ? ORDER BY seq",
        (batch, kind, first),
    )
    for total, text in found:
        if limit is not None and limit <= 0:
            return
        taken = total - skip if limit is None else min(total - skip, limit)
        if taken == total:
            yield text
        else:
            yield b"".join(each + b"\n" for each in split(text)[skip : skip + taken])
        skip, limit = 0, None if limit is None else limit - taken


def _start(db: sqlite3.Connection, batch: int, kind: int, skip: int) -> tuple[int, int]:
    """The slab in which a line stands, and how many lines come before it there."""
    if not skip:
        return 0, 0
    last = 0
    # The index holds all that this asks for.
    for seq, total in db.execute(
        "SELECT seq, total FROM result WHERE batch = ? AND kind = ? ORDER BY seq", (batch, kind)
    ):
        if skip < total:
            return seq, skip
        skip, last = skip - total, seq
    return last + 1, 0


def newest(db: sqlite3.Connection, batch: int, kind: int, most: int) -> list[Shown]:
    """The rows that ended last, the last of all first."""
    found: list[Shown] = []
    for (text,) in db.execute(
        "SELECT lines FROM result WHERE batch = ? AND kind = ? ORDER BY seq DESC", (batch, kind)
    ):
        found += map(read, reversed(split(text)[-(most - len(found)) :]))
        if len(found) == most:
            break
    return found


def forget(db: sqlite3.Connection, batch: int, chosen: Collection[int] | None = None) -> int:
    """Forget rows without an answer, all of them or those at the chosen places; how many there were."""
    gone = 0
    for seq, kind, numbers, text in db.execute(
        "SELECT seq, kind, numbers, lines FROM result WHERE batch = ? AND kind != ?", (batch, OUTPUT)
    ).fetchall():
        ended = list(zip(array(_NUMBERS, numbers), split(text), strict=True))
        kept = [
            (number, each + b"\n") for number, each in ended if chosen is not None and number not in chosen
        ]
        if len(kept) == len(ended):
            continue
        gone += len(ended) - len(kept)
        db.execute("DELETE FROM result WHERE seq = ?", (seq,))
        keep(db, batch, kind, kept)
    return gone


class ByLine:
    """Ends of a batch's rows by their place in the input; for one thread at a time.

    Parameters
    ----------
    db : sqlite3.Connection
        Reading, for as long as ends are looked up.
    batch : sqlite3.Row
        The batch.
    """

    def __init__(self, db: sqlite3.Connection, batch: sqlite3.Row) -> None:
        self._db = db
        # The how-manieth to end each row was, counted from 1: four bytes a row.
        self._turns = array(_NUMBERS, bytes(batch["total"] * array(_NUMBERS).itemsize))
        self._firsts: list[int] = []
        self._slabs: list[tuple[int, int]] = []
        self._held: dict[int, list[bytes]] = {}
        turn = 0
        for seq, kind, numbers in db.execute(
            "SELECT seq, kind, numbers FROM result WHERE batch = ? ORDER BY seq", (batch["seq"],)
        ):
            self._firsts.append(turn + 1)
            self._slabs.append((seq, kind))
            for number in array(_NUMBERS, numbers):
                turn += 1
                self._turns[number] = turn

    def find(self, number: int) -> tuple[int, bytes] | None:
        """The kind and the line of the row at a place; None if it has not ended."""
        turn = self._turns[number]
        if not turn:
            return None
        place = bisect_right(self._firsts, turn) - 1
        seq, kind = self._slabs[place]
        return kind, self._lines(seq)[turn - self._firsts[place]]

    def _lines(self, seq: int) -> list[bytes]:
        if seq not in self._held:
            (text,) = self._db.execute("SELECT lines FROM result WHERE seq = ?", (seq,)).fetchone()
            if len(self._held) == _HELD:
                del self._held[next(iter(self._held))]
            self._held[seq] = split(text)
        return self._held[seq]
