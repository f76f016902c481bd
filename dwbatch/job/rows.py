"""The rows of a job: those of its frame, or one a request where there is no frame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.answers.vectors import Vectors
from dwbatch.call import Call, judge_of, naming_of
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import KEY, REQUESTS
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.embed_options import ENDPOINT, OUTPUT
from dwbatch.engine.again import Judge, judged
from dwbatch.engine.align import align
from dwbatch.engine.gather import BATCH_ID, Gathered, gather
from dwbatch.engine.wanted import keyed
from dwbatch.frames import with_answers
from dwbatch.holding import Column, Measure
from dwbatch.job.held import Held
from dwbatch.outcome import DETAIL_COLUMNS, Naming, columns_read
from dwbatch.prompts.distinct import distinct
from dwbatch.prompts.rows import Rows, no_texts


@dataclass(frozen=True, slots=True)
class View:
    """Rows to which a job's answers go.

    Parameters
    ----------
    frame : DataFrame
    rows : Rows
        What each asks for.
    naming : Naming
        How the answer columns are called.
    judge : Judge or None
        Holds answers to the caller's response format.
    merge : callable or None
        Puts answer columns beside the caller's own; None where that is one value a row of `frame`.
    """

    frame: pd.DataFrame
    rows: Rows
    naming: Naming
    judge: Judge | None = None
    merge: Callable[[Mapping[str, Column]], pd.DataFrame] | None = None

    def merged(self, columns: Mapping[str, Column]) -> pd.DataFrame:
        """A new frame with the answer columns."""
        return with_answers(self.frame, columns) if self.merge is None else self.merge(columns)

    @classmethod
    def of_call(cls, call: Call) -> "View":
        """The rows of the frame that a call was made with."""
        return cls(
            call.frame, call.rows, naming_of(call.options, call.asking), judge_of(call.asking), call.merged
        )


def view_of(held: Held, shards: Sequence[Shard]) -> View:
    """The rows of a job."""
    return View.of_call(held.call) if held.call is not None else by_request(held.checkpoint, shards)


def by_request(checkpoint: Checkpoint, shards: Sequence[Shard]) -> View:
    """One row a request, in the order in which they were first planned.

    A request that was sent again, by itself or with other parameters, stays one row.
    """
    kept = every_request(checkpoint, shards)
    naming = recorded_naming(checkpoint, shards)
    keys = pa.concat_arrays([pa.array([], KEY), *kept["answers_key"].chunks])
    frame = pd.DataFrame(
        {
            "custom_id": pd.Series(kept["custom_id"].to_pylist(), dtype="string"),
            "request_key": pd.Series([key.hex() for key in keys.to_pylist()], dtype="string"),
            "position": pd.Series(kept["position"].to_pylist(), dtype="Int64"),
        }
    )
    return View(frame, unskipped(keys), naming, naming.measure.judge())


def recorded_naming(checkpoint: Checkpoint, shards: Sequence[Shard]) -> Naming:
    """How answers are shown to somebody who has the folder alone: vectors and samples as lists, all else as text."""
    recipes = checkpoint.recipes()
    used = {shard.recipe for shard in shards}
    parameters: list[Any] = [recipes.get(name, {}).get("parameters") or {} for name in used]
    if shards and all(shard.endpoint == ENDPOINT for shard in shards):
        lengths = {each.get("dimensions") for each in parameters}
        return Naming(OUTPUT, measure=Measure(vectors=Vectors(lengths.pop() if len(lengths) == 1 else None)))
    counts = {each.get("n") for each in parameters}
    return Naming("response", measure=Measure(samples=counts.pop() if len(counts) == 1 else None))


def every_request(checkpoint: Checkpoint, shards: Sequence[Shard]) -> pa.Table:
    """The requests of some shards, each row's first one alone."""
    tables = [REQUESTS.empty_table(), *(_requests(checkpoint, shard) for shard in shards)]
    requests = pa.concat_tables(tables)
    keys = requests["answers_key"].combine_chunks()
    first, _ = distinct(keys)
    return requests.take(pa.array(first))


def unskipped(keys: pa.Array) -> Rows:
    """Rows that all make a request, known by their keys alone."""
    zeros = np.zeros(len(keys), dtype=np.int64)
    return Rows(keys=keys, body_sizes=zeros, skipped=no_texts(len(keys)), occurrences=zeros)


def _requests(checkpoint: Checkpoint, shard: Shard) -> pa.Table:
    requests = checkpoint.requests(shard.number)
    if shard.state is not State.DROPPED:
        return requests
    # Of a shard that was cut anew only the rows that the server refused are its own.
    if not checkpoint.has_results(shard.number):
        return requests.slice(0, 0)
    held = checkpoint.results(shard.number, ["custom_id"])["custom_id"].combine_chunks()
    return requests.filter(pc.is_in(requests["custom_id"], value_set=held))


def gathered(
    held: Held, view: View, shards: Sequence[Shard], live: Sequence[tuple[Shard, pa.Table]] = ()
) -> Gathered:
    """Results on disk, and lines of running batches, aligned to the rows of a view."""
    # The reasons of `errors` are among the details, whether or not those are columns of the frame.
    names = [*columns_read(view.naming), *DETAIL_COLUMNS]
    found = gather(
        held.checkpoint,
        shards,
        view.rows.keys,
        server=held.connection.server,
        columns=names,
        judge=view.judge,
    )
    if not live:
        return found
    tables = [found.results]
    for shard, table in live:
        batch_ids = pa.repeat(pa.scalar(shard.batch_id, pa.string()), len(table))
        tables.append(
            keyed(table.append_column(BATCH_ID, batch_ids))
            .select(found.results.column_names)
            .cast(found.results.schema)
        )
    results = pa.concat_tables(tables)
    chosen = judged(results, view.judge) if view.judge is not None else results
    return Gathered(results, align(view.rows.keys, chosen))
