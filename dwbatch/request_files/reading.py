"""A request file read whole: where each request stands, its key and its custom_id, and every fault."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.engine.source import SourceChangedError
from dwbatch.errors import InputError
from dwbatch.prompts.escape import escape_text
from dwbatch.prompts.identity import KEY, count_occurrences, key_of, occurrence_keys, request_keys
from dwbatch.prompts.requests import Lines, line_overhead
from dwbatch.prompts.rows import Rows, no_texts
from dwbatch.request_files.lines import Fault, Request, read_request

MARK = b"\xef\xbb\xbf"
# Bodies are hashed, and lines written, so many at a time.
SLAB_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class RequestFile:
    """What a request file asks for. Bodies stay on disk.

    Parameters
    ----------
    path : Path
    url : str
        Of every line; empty where there is none.
    custom_ids, models : pa.LargeStringArray, shape (n,)
    rows : Rows
        As of a frame: one row a line that is not blank.
    offsets : np.ndarray of int64, shape (n,)
        Where each line begins, in bytes.
    faults : tuple of Fault
        In the order of the lines. Lines with a fault are among neither of the above.
    edition : str
        Mixed into the keys.
    """

    path: Path
    url: str
    custom_ids: pa.Array
    models: pa.Array
    rows: Rows
    offsets: np.ndarray
    faults: tuple[Fault, ...]
    edition: str

    def __len__(self) -> int:
        return len(self.rows)

    def refuse_faults(self, *, most: int = 20) -> None:
        """Refuse a file with faults.

        Raises
        ------
        InputError
            Naming the first of them, and how many there are.
        """
        if not self.faults and not len(self):
            raise InputError.nothing_sent(f"{str(self.path)!r} holds no request.")
        if not self.faults:
            return
        told = "".join(f"\n  {fault}" for fault in self.faults[:most])
        more = (
            f"\n  and {len(self.faults) - most:,} more; `dwbatch validate` shows all"
            if len(self.faults) > most
            else ""
        )
        count = f"{len(self.faults):,} fault{'s' if len(self.faults) > 1 else ''}"
        raise InputError(f"{str(self.path)!r} has {count}, and nothing was sent:{told}{more}")

    def lines(self, requests: pa.Table) -> Iterator[Lines]:
        """Lines of these requests, wherever they stand in the file; see `dwbatch.engine.source.Source`."""
        keys = requests["request_key"].combine_chunks()
        found = pc.index_in(keys, value_set=self.rows.keys)
        if found.null_count:
            absent = pc.index(found.is_null(), value=True).as_py()
            raise SourceChangedError(requests["custom_id"][absent].as_py())
        positions = np.asarray(found, dtype=np.int64)
        custom_ids = requests["custom_id"].to_pylist()
        with self.path.open("rb") as file:
            bodies: list[str] = []
            size = start = 0
            for place, position in enumerate(positions.tolist()):
                file.seek(int(self.offsets[position]))
                asked = read_request(file.readline())
                # Another line stands there by now. Its key will say so.
                bodies.append(asked.body if isinstance(asked, Request) else "")
                size += len(bodies[-1])
                if size >= SLAB_BYTES or place + 1 == len(positions):
                    span = slice(start, place + 1)
                    yield self._written(bodies, custom_ids[span], self.rows.occurrences[positions[span]])
                    bodies, size, start = [], 0, place + 1

    def _written(self, bodies: Sequence[str], custom_ids: Sequence[str], occurrences: np.ndarray) -> Lines:
        texts = [
            f'{{"body":{body},"custom_id":"{escape_text(custom_id)}","method":"POST","url":"{self.url}"}}\n'
            for body, custom_id in zip(bodies, custom_ids, strict=True)
        ]
        keys = request_keys(pa.array(bodies, pa.large_string()), endpoint=self.url, edition=self.edition)
        return Lines(texts=pa.array(texts, pa.large_string()), keys=occurrence_keys(keys, occurrences))


def read_requests(
    path: Path, *, edition: str = "", dedupe: bool = False, max_bytes: int = 10**8
) -> RequestFile:
    """Read a request file, and find every fault of it.

    Parameters
    ----------
    path : Path
    edition : str
        A word that makes the same requests a new purchase.
    dedupe : bool
        Whether lines of one body are one request.
    max_bytes : int
        Longest line, in bytes.

    Raises
    ------
    InputError
        If the file cannot be read at all.
    """
    reading = _Reading(max_bytes, edition)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                reading.take_in(number, line)
    except OSError as error:
        raise InputError.nothing_sent(f"{str(path)!r} cannot be read: {error.strerror or error}.") from error
    return reading.file(path, dedupe=dedupe)


class _Reading:
    """What was read so far."""

    def __init__(self, max_bytes: int, edition: str) -> None:
        self._max_bytes, self._edition = max_bytes, edition
        self._url = ""
        self._at = 0
        self._first: dict[str, int] = {}
        self._models: list[str] = []
        self._numbers: list[int] = []
        self._offsets: list[int] = []
        self._sizes: list[int] = []
        self._bodies: list[str] = []
        self._held = 0
        self._keys: list[pa.Array] = []
        self._faults: list[Fault] = []

    def take_in(self, number: int, line: bytes) -> None:
        """Read one line more."""
        at, self._at = self._at, self._at + len(line)
        if not line.strip():
            return
        if number == 1 and line.startswith(MARK):
            self._faults.append(
                Fault(1, "the file begins with a byte order mark; save it as UTF-8 without one")
            )
            return
        asked = read_request(line)
        faults = asked if isinstance(asked, list) else self._misfits(asked)
        self._faults += [Fault(number, sentence) for sentence in faults]
        if isinstance(asked, list) or faults:
            return
        self._first[asked.custom_id] = number
        self._models.append(asked.model)
        self._numbers.append(number)
        self._offsets.append(at)
        self._sizes.append(len(asked.body.encode()))
        self._bodies.append(asked.body)
        self._held += self._sizes[-1]
        if self._held >= SLAB_BYTES:
            self._hash()

    def _misfits(self, asked: Request) -> list[str]:
        """What is wrong with a request beside those before it."""
        faults = []
        if asked.custom_id in self._first:
            faults.append(
                f"its custom_id {asked.custom_id!r} stands in line {self._first[asked.custom_id]} already"
            )
        self._url = self._url or asked.url
        if asked.url != self._url:
            faults.append(
                f"its url is {asked.url!r}, that of the lines before it {self._url!r}; a batch has one"
            )
        size = len(asked.body.encode()) + len(escape_text(asked.custom_id)) + line_overhead(asked.url)
        if size > self._max_bytes:
            faults.append(
                f"it is {size:,} bytes long, more than the {self._max_bytes:,} that a batch may have"
            )
        return faults

    def _hash(self) -> None:
        bodies = pa.array(self._bodies, pa.large_string())
        self._keys.append(request_keys(bodies, endpoint=self._url, edition=self._edition))
        self._bodies, self._held = [], 0

    def file(self, path: Path, *, dedupe: bool) -> RequestFile:
        """The whole file."""
        self._hash()
        every = pa.concat_arrays([*self._keys, pa.array([], KEY)])
        occurrences = np.zeros(len(every), dtype=np.int64) if dedupe else count_occurrences(every)
        keys = occurrence_keys(every, occurrences)
        custom_ids = list(self._first)
        self._faults += self._foreign_marks(custom_ids, keys.to_pylist())
        return RequestFile(
            path=path,
            url=self._url,
            custom_ids=pa.array(custom_ids, pa.large_string()),
            models=pa.array(self._models, pa.large_string()),
            rows=Rows(
                keys=keys,
                body_sizes=np.asarray(self._sizes, dtype=np.int64),
                skipped=no_texts(len(keys)),
                occurrences=occurrences,
            ),
            offsets=np.asarray(self._offsets, dtype=np.int64),
            faults=tuple(sorted(self._faults, key=lambda fault: fault.line)),
            edition=self._edition,
        )

    def _foreign_marks(self, custom_ids: Sequence[str], keys: Sequence[bytes]) -> list[Fault]:
        """custom_ids that dwbatch made for other requests than those that bear them.

        By such a mark a batch is recognised when its folder is lost, and its answers would go astray.
        """
        return [
            Fault(
                number,
                f"its custom_id {custom_id!r} was made by dwbatch for another request than this (another body, "
                "edition= or dedupe=); give it another custom_id",
            )
            for number, custom_id, key in zip(self._numbers, custom_ids, keys, strict=True)
            if key_of(custom_id) not in {None, key}
        ]
