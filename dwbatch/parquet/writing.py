"""Answers beside their rows: the source's files once more, each with its answer columns, in order."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.arrow import to_arrow
from dwbatch.call import naming_of
from dwbatch.columns import Status
from dwbatch.frames import with_answers
from dwbatch.outcome import answer_columns
from dwbatch.parquet.calling import FilesCall
from dwbatch.parquet.destination import MADE_BY
from dwbatch.parquet.results import Results
from dwbatch.prompts.rows import Rows


@dataclass(slots=True)
class Counts:
    """What became of the rows written so far.

    Parameters
    ----------
    rows, ok : int
    codes : Counter
        Rows not ok, by error code.
    """

    rows: int = 0
    ok: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def add(self, statuses: pa.Array, codes: pa.Array) -> None:
        """Count some rows more."""
        self.rows += len(statuses)
        self.ok += pc.sum(pc.equal(statuses, Status.OK.value)).as_py() or 0
        for count in pc.value_counts(pc.drop_null(codes)).to_pylist():
            self.codes[count["values"]] += count["counts"]


def answered_tables(
    call: FilesCall, file: int, results: Results, places: np.ndarray, rows: Rows, counts: Counts
) -> Iterator[pa.Table]:
    """The rows of one file with their answers, a batch at a time.

    Parameters
    ----------
    call : FilesCall
    file : int
        Which file.
    results : Results
    places : np.ndarray of int32, shape (n_rows,)
        The request of each row of the source; -1 where it makes none.
    rows : Rows
        Of the whole source, as the call left them.
    counts : Counts
        Added to.
    """
    naming = naming_of(call.options, call.asking)
    for number, block in enumerate(call.contents.blocks):
        if block.file != file:
            continue
        start = int(call.contents.starts[number])
        for batch in call.files.read(block, call.kept):
            here = slice(start, start + batch.num_rows)
            columns = answer_columns(naming, rows.part(here), results.of(places[here]))
            counts.add(columns[f"{naming.output}_status"], columns[f"{naming.output}_error_code"])
            table = pa.Table.from_batches([batch])
            for name, values in columns.items():
                table = _set(table, name, to_arrow(values))
            yield table
            start = here.stop


def schema_of(call: FilesCall, results: Results, origin: str) -> pa.Schema:
    """The destination's schema, which no answer changes.

    Parameters
    ----------
    call : FilesCall
    results : Results
    origin : str
        What made the destination, for its metadata.
    """
    naming = naming_of(call.options, call.asking)
    columns = answer_columns(naming, call.rows.part(slice(0)), results.of(np.zeros(0, dtype=np.int32)))
    table = pa.schema([call.files.schema.field(name) for name in call.kept]).empty_table()
    for name, values in columns.items():
        table = _set(table, name, to_arrow(values))
    in_pandas = pa.Schema.from_pandas(with_answers(pd.DataFrame(), columns), preserve_index=False)
    dtypes = _dtypes(call.files.schema, in_pandas, table.schema.names)
    return table.schema.with_metadata({MADE_BY: origin.encode(), b"pandas": dtypes})


def _dtypes(source: pa.Schema, answers: pa.Schema, names: Sequence[str]) -> bytes:
    """What pandas is to make of the columns: those of the source as before, the answers as in its own door."""
    told: dict[str, Any] = answers.pandas_metadata or {}
    before: dict[str, Any] = source.pandas_metadata or {}
    told["columns"] += [column for column in before.get("columns", []) if column["field_name"] in names]
    # The numbers of a range would be those of one file.
    index = before.get("index_columns", [])
    told["index_columns"] = index if all(isinstance(name, str) and name in names for name in index) else []
    return json.dumps(told).encode()


def _set(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    place = table.schema.get_field_index(name)
    field = pa.field(name, values.type)
    return table.append_column(field, values) if place < 0 else table.set_column(place, field, values)
