"""A call on a Dask frame, checked and rendered once where its partitions are; nothing of it is sent yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from dwbatch.asking import Asking, ask
from dwbatch.call import Ask, Call, naming_of, refuse_what_never_works, warn_of_equal_rows
from dwbatch.connect import find_server, without_key
from dwbatch.dask.partitions import Contents, PartitionsSource, parts_of, read_partitions
from dwbatch.engine.wanted import wanted
from dwbatch.errors import InputError
from dwbatch.frames import as_frame, column_names, refuse_collisions
from dwbatch.limits import Problems
from dwbatch.options import Options
from dwbatch.prompts.custom_ids import render_custom_ids
from dwbatch.prompts.requests import line_overhead
from dwbatch.prompts.template import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionsCall(Call):
    """A call whose rows stand in the partitions of a Dask frame.

    Parameters
    ----------
    source_frame : dask.dataframe.DataFrame
    contents : Contents
    """

    source_frame: Any
    contents: Contents

    @property
    def is_streamed(self) -> bool:
        """Yes: shards are built, bought and fetched while others are still to be built."""
        return True

    @property
    def source(self) -> PartitionsSource:
        """Where the request lines come from."""
        columns = self.asking.columns
        return PartitionsSource(
            parts_of(self.source_frame, columns), self.contents, columns, self.asking.recipe
        )

    def whole_parts(self) -> tuple[Any, ...]:
        """The partitions with all of their columns, to be computed."""
        return tuple(self.source_frame.to_delayed())


def prepare(
    frame: Any, prompt: object, options: Options, *, sends: bool = True, ask: Ask = ask
) -> PartitionsCall:
    """Check everything, and render every row once.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
    prompt : str, list of parts, callable or None
    options : Options
    sends : bool
        Whether the call will speak to the server. One that does not needs no key.
    ask : callable
        Reads what the call asks.

    Raises
    ------
    InputError, CredentialsError
        If anything is wrong. Nothing was sent.
    """
    _refuse_values(options)
    meta = as_frame(frame._meta, call="run")  # noqa: SLF001 - Dask has no public name for what every collection shows
    asking = ask(prompt, options, column_names(meta))
    refuse_collisions(meta, naming_of(options, asking).all(), overwrite=options.overwrite)
    connection = (
        find_server(options.base_url, options.api_key, options.session)
        if sends
        else without_key(options.base_url)
    )
    contents = read_partitions(
        parts_of(frame, asking.columns),
        asking.columns,
        asking.recipe,
        dedupe=options.dedupe is not False,
        max_bytes=largest_body(options, asking),
        kept=_kept(asking),
    )
    call = PartitionsCall(
        # Its labels stay in the partitions; here a row is known by its position.
        frame=pd.DataFrame(index=pd.RangeIndex(len(contents.rows))),
        options=options,
        asking=asking,
        connection=connection,
        columns=contents.columns,
        rows=contents.rows,
        asked=wanted(contents.rows),
        source_frame=frame,
        contents=contents,
    )
    refuse_what_never_works(call)
    _refuse_nulls(call)
    if asking.custom_id is not None:
        render_custom_ids(asking.custom_id, call.columns, call.asked.positions)
    if sends:
        warn_of_equal_rows(call)
    return call


def largest_body(options: Options, asking: Asking) -> int:
    """The largest request body that fits into a file, in bytes."""
    return options.max_bytes_per_batch - line_overhead(asking.recipe.endpoint) - 64


def _kept(asking: Asking) -> Sequence[str]:
    """Columns that are looked at across all partitions: for custom_ids, and for files of one model each."""
    model = asking.body["model"]
    templates = [asking.custom_id, model if isinstance(model, Template) else None]
    return tuple(dict.fromkeys(slot.name for each in templates if each for slot in each.slots))


def _refuse_values(options: Options) -> None:
    problems = Problems()
    if not isinstance(options.model, str):
        problems.add(
            "A Dask frame takes one model=, or a template such as '{model}' that names it row by row; "
            "several are several calls, each with an output= of its own."
        )
    if options.checkpoint is False:
        problems.add(
            "checkpoint=False goes away when the call is over, and a Dask frame reads its answers later: name a folder."
        )
    if options.errors == "raise":
        problems.add(
            "errors='raise' needs every answer in memory; look at the column of statuses of the frame instead."
        )
    problems.raise_if_any()


def _refuse_nulls(call: PartitionsCall) -> None:
    if call.options.on_null != "raise":
        return
    is_null = pc.fill_null(pc.equal(call.rows.skipped, "null_input"), fill_value=False)
    nulls = np.flatnonzero(np.asarray(is_null))
    if len(nulls):
        partition = int(np.searchsorted(call.contents.starts, nulls[0], side="right")) - 1
        raise InputError.nothing_sent(
            f"The prompt names a column that is null in {len(nulls):,} row{'s' if len(nulls) > 1 else ''}, the first "
            f"one in partition {partition}. Fill or filter them, or say on_null='skip' (no request) or "
            "on_null='render' (empty text)."
        )
