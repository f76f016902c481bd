"""CSV and JSONL as parquet: columns whose types do not depend on which rows come first.

A guess from the first block would change with the file, and with it what is sent: `007` would be 7 until a row
says `007a`. So a CSV holds texts and nothing else, as they are written; and a JSONL file is read twice, once for
the type of every column and once for its rows.
"""

import glob
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from dwbatch.errors import InputError
from dwbatch.prompts.cells import EXACT_FLOAT, normal, text

DELIMITERS = {".csv": ",", ".tsv": "\t"}
JSONL = frozenset({".jsonl", ".ndjson"})
COMPRESSED = frozenset({".gz", ".bz2", ".zst"})
# A cell may be longer than this, but no line of a table is.
BLOCK_BYTES = 16_000_000
BATCH_BYTES = 16_000_000
# What a killed process has left stands no longer than this.
LEFTOVER_S = 7 * 86_400.0
MOST_INT, LEAST_INT = 2**63 - 1, -(2**63)


def kind_of(place: str) -> str | None:
    """The extension of a table that is no parquet, without that of a compression; else None.

    Examples
    --------
    >>> kind_of("a.csv.gz"), kind_of("a.jsonl"), kind_of("a.parquet")
    ('.csv', '.jsonl', None)
    """
    suffixes = [suffix.lower() for suffix in Path(place).suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    found = suffixes[-1] if suffixes else ""
    return found if found in {*DELIMITERS, *JSONL} else None


@contextmanager
def as_parquet(sources: Sequence[str], beside: str | None) -> Iterator[list[str]]:
    """The same sources, those that are no parquet as temporary files of it.

    Parameters
    ----------
    sources : sequence of str
    beside : str or None
        A local path beside which the temporary folder is made: what it holds is nobody else's business.

    Raises
    ------
    InputError
        If one cannot be read; the line is named.
    """
    named = [each for source in sources for each in _expanded(source)]
    if not any(map(kind_of, named)):
        yield named
        return
    folder = _folder(beside)
    try:
        yield [_converted(source, folder, number) for number, source in enumerate(named)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _expanded(source: str) -> list[str]:
    """The files of a glob that the shell has not seen; parquet is found by whoever reads it."""
    if kind_of(source) is None or Path(source).exists() or not glob.has_magic(source):
        return [source]
    return sorted(glob.glob(source, recursive=True)) or [source]  # noqa: PTH207 - a pattern may begin anywhere


def _folder(beside: str | None) -> Path:
    if beside is None or "://" in beside:
        return Path(tempfile.mkdtemp(prefix="dwbatch-source-"))
    place = Path(beside).expanduser().absolute()
    place.parent.mkdir(parents=True, exist_ok=True)
    front = f".{place.name}.source-"
    for left in place.parent.glob(f"{glob.escape(front)}*"):
        if time.time() - left.stat().st_mtime > LEFTOVER_S:
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=front, dir=place.parent))


def _converted(source: str, folder: Path, number: int) -> str:
    kind = kind_of(source)
    if kind is None:
        return source
    name = Path(source).name
    target = folder / str(number) / f"{name[: name.lower().rindex(kind)]}.parquet"
    target.parent.mkdir()
    try:
        if kind in JSONL:
            write(_json_batches(source), target)
        else:
            write(_text_batches(source, DELIMITERS[kind]), target)
    except FileNotFoundError as error:
        raise InputError.nothing_sent(f"There is no file at {source!r}.") from error
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0][:300]
        raise InputError.nothing_sent(f"{source!r} cannot be read: {reason}.") from error
    return str(target)


def write(batches: Iterator[pa.RecordBatch], target: Path) -> None:
    """Write batches of one schema to a parquet file, one row group each."""
    first = next(batches)
    with pq.ParquetWriter(target, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def _text_batches(source: str, delimiter: str) -> Iterator[pa.RecordBatch]:
    """The rows of a CSV: every cell is a text, and null where nothing stands between two delimiters."""
    parse = pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    read = pacsv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False)
    # The names alone, so that every one can be told to be a text.
    with pacsv.open_csv(source, read, parse, pacsv.ConvertOptions(include_missing_columns=False)) as head:
        names = head.schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError.nothing_sent(
            f"{source!r} has several columns {', '.join(map(repr, twice))}; rename them."
        )
    convert = pacsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        null_values=[""],
    )
    with pacsv.open_csv(source, read, parse, convert) as reader:
        schema = reader.schema
        yield _empty(schema)
        yield from reader


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)


def _json_batches(source: str) -> Iterator[pa.RecordBatch]:
    """The rows of a JSONL file: objects, whose names are the columns in the order in which they first appear."""
    kinds: dict[str, set[str]] = {}
    for row, _ in _json_rows(source):
        for name, value in row.items():
            kinds.setdefault(name, set()).add(_kind(value))
    schema = pa.schema(
        [pa.field(name, TYPES.get(frozenset(found - {"null"}), pa.string())) for name, found in kinds.items()]
    )
    yield _empty(schema)
    rows: list[dict[str, object]] = []
    size = 0
    for row, length in _json_rows(source):
        rows.append(row)
        size += length
        if size >= BATCH_BYTES:
            yield _batch(rows, schema)
            rows, size = [], 0
    if rows:
        yield _batch(rows, schema)


TYPES = {
    frozenset({"truth"}): pa.bool_(),
    frozenset({"whole"}): pa.int64(),
    frozenset({"long"}): pa.int64(),
    frozenset({"whole", "long"}): pa.int64(),
    frozenset({"number"}): pa.float64(),
    frozenset({"whole", "number"}): pa.float64(),
}


def _json_rows(source: str) -> Iterator[tuple[dict[str, object], int]]:
    with pa.input_stream(source, compression="detect", buffer_size=1 << 20) as stream:
        for number, line in enumerate(_lines(stream), start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"), parse_constant=_refuse)
            except (ValueError, RecursionError) as error:
                raise InputError.nothing_sent(f"{source!r}, line {number}, is not JSON: {error}.") from error
            if not isinstance(row, dict):
                raise InputError.nothing_sent(
                    f"{source!r}, line {number}, is JSON, but no object with columns."
                )
            yield row, len(line)


def _lines(stream: pa.NativeFile) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(1 << 20):
        *whole, rest = (rest + block).split(b"\n")
        yield from whole
    yield rest


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int):
        return "whole" if abs(value) <= EXACT_FLOAT else "long" if LEAST_INT <= value <= MOST_INT else "other"
    return "number" if isinstance(value, float) else "text" if isinstance(value, str) else "other"


def _batch(rows: Sequence[dict[str, object]], schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        pa.array(
            [
                _texted(row.get(field.name), field.name) if field.type == pa.string() else row.get(field.name)
                for row in rows
            ],
            field.type,
        )
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _texted(value: object, name: str) -> str | None:
    """A value of a column that holds texts, or values of several types: the text that a prompt shows of it."""
    if value is None or isinstance(value, str):
        return value
    return text(normal(value), column=name)
