"""Parts of a request body that are made row by row, and not by filling a text.

A column's messages, what a callable says, an image: each is JSON text of a size that only making it
tells. So rows are made until they fill a bounded piece, and no more of them are held.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from dwbatch.columns import ErrorCode
from dwbatch.prompts.cells import is_encodable, normal
from dwbatch.prompts.values import Values, objects_of

PIECE_BYTES = 16_000_000
LONGEST_REASON = 500
SURROGATE = "the text holds a lone surrogate, which UTF-8 cannot express"


class RowError(Exception):
    """A row that makes no request, through no fault of the others.

    Parameters
    ----------
    code : ErrorCode
    reason : str
        Cut at `LONGEST_REASON` characters.
    raised : Exception, optional
        What the user's own code raised.
    """

    def __init__(self, code: ErrorCode, reason: str, raised: Exception | None = None) -> None:
        reason = reason if len(reason) <= LONGEST_REASON else f"{reason[: LONGEST_REASON - 1]}…"
        super().__init__(code, reason)
        self.code = code
        self.reason = reason
        self.raised = raised


class Row(dict[str, object]):
    """One row as a callable sees it: a value for each column and index level.

    The values are plain Python and do not depend on the column's dtype: numbers without a fraction
    are integers, and None stands for every kind of missing.
    """

    def __missing__(self, name: str) -> object:
        raise NoColumnError(name)


class NoColumnError(KeyError):
    """A callable asked for a column that the frame does not have."""


class Made(ABC):
    """A part of a request body that is made row by row."""

    __slots__ = ()

    @property
    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """Names of the columns and index levels that it reads."""

    @property
    @abstractmethod
    def written(self) -> object:
        """The part as its user wrote it, in JSON: what a recipe knows of it."""

    @abstractmethod
    def make(self, row: Row) -> str:
        """Canonical JSON text of the part in one row.

        Raises
        ------
        RowError
            If the row makes no request.
        """


@dataclass(frozen=True, slots=True)
class Piece:
    """The made parts of some rows in sequence.

    Parameters
    ----------
    start, stop : int
        Which rows.
    texts : mapping of Made to pa.LargeStringArray, each of shape (stop - start,)
        JSON text; null where the row makes no request.
    errors : tuple of RowError or None, length ``stop - start``
        Why it makes none.
    """

    start: int
    stop: int
    texts: Mapping[Made, pa.Array]
    errors: tuple[RowError | None, ...]


def make(parts: Sequence[Made], columns: Mapping[str, Values], *, n_rows: int) -> Iterator[Piece]:
    """Make parts, in pieces of about `PIECE_BYTES`, or one row where that is larger.

    Parameters
    ----------
    parts : sequence of Made
    columns : mapping of str to Values
        At least the columns that the parts read, each of `n_rows` values.
    n_rows : int
    """
    names = tuple(dict.fromkeys(name for part in parts for name in part.reads))
    cells = [objects_of(columns[name], name) for name in names]
    made: list[list[str] | RowError] = []
    size = start = 0
    for place in range(n_rows):
        row = Row(zip(names, (normal(column[place]) for column in cells), strict=True))
        made.append(_made(parts, row))
        size += sum(map(len, made[-1])) if isinstance(made[-1], list) else 0
        if size >= PIECE_BYTES or place + 1 == n_rows:
            yield _piece(parts, made, start)
            made, size, start = [], 0, place + 1


def _made(parts: Sequence[Made], row: Row) -> list[str] | RowError:
    try:
        texts = [part.make(row) for part in parts]
    except RowError as error:
        return error
    return texts if all(map(is_encodable, texts)) else RowError(ErrorCode.UNENCODABLE_INPUT, SURROGATE)


def _piece(parts: Sequence[Made], made: Sequence[list[str] | RowError], start: int) -> Piece:
    columns = {
        part: pa.array([one[number] if isinstance(one, list) else None for one in made], pa.large_string())
        for number, part in enumerate(parts)
    }
    errors = tuple(one if isinstance(one, RowError) else None for one in made)
    return Piece(start, start + len(made), columns, errors)
