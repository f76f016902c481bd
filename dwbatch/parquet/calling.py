"""A call on parquet files, checked and rendered once; nothing of it is sent yet."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.asking import Asking
from dwbatch.call import Call, refuse_what_never_works
from dwbatch.connect import Connection
from dwbatch.engine.wanted import wanted
from dwbatch.errors import InputError
from dwbatch.options import Options
from dwbatch.outcome import Naming
from dwbatch.parquet.files import Files
from dwbatch.parquet.reading import Contents, FilesSource, read_contents, to_values
from dwbatch.prompts.custom_ids import render_custom_ids
from dwbatch.prompts.distinct import distinct
from dwbatch.prompts.requests import line_overhead
from dwbatch.prompts.values import Values


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesCall(Call):
    """A call whose rows stand in files.

    Parameters
    ----------
    files : Files
    contents : Contents
    kept : tuple of str
        Columns of the source that the destination keeps.
    """

    files: Files
    contents: Contents
    kept: tuple[str, ...]

    @property
    def is_streamed(self) -> bool:
        """Yes: shards are built, bought and fetched while others are still to be built."""
        return True

    @property
    def source(self) -> FilesSource:
        """Where the request lines come from."""
        return FilesSource(self.files, self.contents, self.asking.columns, self.asking.recipe)


def rendered_files(
    files: Files, asking: Asking, connection: Connection, options: Options, *, kept: tuple[str, ...]
) -> FilesCall:
    """Render every row once, block by block.

    Parameters
    ----------
    files : Files
    asking : Asking
    connection : Connection
    options : Options
    kept : tuple of str
        Columns of the source that the destination keeps.

    Raises
    ------
    InputError
        If anything is wrong. Nothing was sent.
    """
    contents = read_contents(
        files,
        asking.columns,
        asking.recipe,
        dedupe=options.dedupe is not False,
        max_bytes=options.max_bytes_per_batch - line_overhead(asking.recipe.endpoint) - 64,
    )
    call = FilesCall(
        frame=pd.DataFrame(),
        options=options,
        asking=asking,
        connection=connection,
        columns=_custom_id_columns(files, contents, asking),
        rows=contents.rows,
        asked=wanted(contents.rows),
        files=files,
        contents=contents,
        kept=kept,
    )
    refuse_what_never_works(call)
    _refuse_nulls(call)
    if asking.custom_id is not None:
        render_custom_ids(asking.custom_id, call.columns, call.asked.positions)
    return call


def places_of(call: FilesCall) -> np.ndarray:
    """Which request each row makes: its place in ``call.asked``, -1 for none; int32."""
    _, codes = distinct(call.rows.keys)
    return codes.astype(np.int32)


def _custom_id_columns(files: Files, contents: Contents, asking: Asking) -> dict[str, Values]:
    """The columns that make custom_ids, whole: every one of them is compared with every other."""
    if asking.custom_id is None:
        return {}
    names = tuple(dict.fromkeys(slot.name for slot in asking.custom_id.slots))
    read = [batch for block in contents.blocks for batch in files.read(block, names)]
    schema = pa.schema([files.schema.field(name) for name in names])
    table = pa.Table.from_batches([batch.cast(schema) for batch in read], schema).combine_chunks()
    return (
        to_values(table.to_batches()[0])
        if len(table)
        else {name: pa.array([], pa.string()) for name in names}
    )


def refuse_columns(files: Files, kept: Sequence[str], naming: Naming, *, overwrite: bool) -> None:
    """Refuse columns that the source lacks, and answer columns that it has.

    Raises
    ------
    InputError
        Naming all of them.
    """
    names = files.schema.names
    unknown = [name for name in kept if name not in names]
    if unknown:
        raise InputError.nothing_sent(
            f"columns= names {', '.join(map(repr, unknown))}, which the source lacks. It has: {', '.join(names)}."
        )
    taken = [name for name in naming.all() if name in kept]
    if taken and not overwrite:
        raise InputError.nothing_sent(
            f"The source already has the column{'s' if len(taken) > 1 else ''} {', '.join(map(repr, taken))}. "
            "Give output= another name, leave them out with columns=, or say overwrite=True."
        )


def _refuse_nulls(call: FilesCall) -> None:
    if call.options.on_null != "raise":
        return
    nulls = np.flatnonzero(
        np.asarray(pc.fill_null(pc.equal(call.rows.skipped, "null_input"), fill_value=False))
    )
    if not len(nulls):
        return
    first = int(nulls[0])
    block = int(np.searchsorted(call.contents.starts, first, side="right")) - 1
    path = call.files.paths[call.contents.blocks[block].file]
    raise InputError.nothing_sent(
        f"The prompt names a column that is null in {len(nulls):,} row{'s' if len(nulls) > 1 else ''}, the first "
        f"one in {path!r}. Fill or filter them, or say on_null='skip' (no request) or on_null='render' (empty text)."
    )
