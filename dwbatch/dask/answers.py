"""A Dask frame with its answers: each partition reads its own out of the checkpoint, whenever it is computed.

A row finds its answer by what it asks, as everywhere: the partition is rendered once more, so that a row which has
changed since is ``pending`` and never has the answer of another.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa

from dwbatch.call import judge_of, naming_of
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import RESULTS
from dwbatch.checkpoint.shard import Shard
from dwbatch.checkpoint.store import Store, refuse_unseen
from dwbatch.dask.calling import PartitionsCall, largest_body
from dwbatch.dask.partitions import Sealed
from dwbatch.engine.again import Judge
from dwbatch.engine.gather import BATCH_ID, Gathered, gather
from dwbatch.engine.lookup import KeyIndex
from dwbatch.engine.wanted import keyed
from dwbatch.errors import CheckpointError
from dwbatch.frames import read_columns, with_answers
from dwbatch.outcome import Naming, answer_columns, columns_read, without
from dwbatch.prompts.distinct import distinct
from dwbatch.prompts.identity import occurrence_keys
from dwbatch.prompts.requests import Recipe, read_rows
from dwbatch.prompts.rows import Rows


@dataclass(frozen=True, slots=True)
class Reading:
    """How a partition reads its answers: nothing in it is secret, since it travels in graphs.

    Parameters
    ----------
    folder : str
        The checkpoint.
    store : Store or None
        Where its tables stand, if not in the folder.
    server : str
    columns : tuple of str
        What the recipe names.
    recipe : Recipe
    max_bytes : int
        Largest body.
    naming : Naming
    judge : Judge or None
    too_large : frozenset of bytes
        Keys of requests that no file of the server can hold.
    """

    folder: str
    store: Store | None
    server: str
    columns: tuple[str, ...]
    recipe: Recipe
    max_bytes: int
    naming: Naming
    judge: Judge | None
    too_large: frozenset[bytes]


def with_lazy_answers(
    call: PartitionsCall, checkpoint: Checkpoint, shards: Collection[Shard], too_large: Collection[bytes] = ()
) -> Any:
    """The call's frame with its answer columns, read from the checkpoint partition by partition.

    Parameters
    ----------
    call : PartitionsCall
    checkpoint : Checkpoint
    shards : collection of Shard
        As they stand; what is fetched later is not seen.
    too_large : collection of bytes
        Keys of requests that no file of the server can hold.

    Returns
    -------
    dask.dataframe.DataFrame
        With the partitions, the divisions and the index of the source.
    """
    reading = Reading(
        folder=str(checkpoint.path),
        store=checkpoint.store,
        server=call.connection.server,
        columns=call.asking.columns,
        recipe=call.asking.recipe,
        max_bytes=largest_body(call.options, call.asking),
        naming=naming_of(call.options, call.asking),
        judge=judge_of(call.asking),
        too_large=frozenset(too_large),
    )
    sealed, answered = Sealed(reading), dask.delayed(_answered, pure=False)
    held = {shard.number: shard for shard in shards}
    parts = [
        answered(each, sealed, Sealed([held[number] for number in numbers]), Sealed(occurrences))
        for each, numbers, occurrences in zip(
            call.whole_parts(), _numbers(call, checkpoint, shards), _occurrences(call), strict=True
        )
    ]
    meta = with_answers(call.source_frame._meta, _no_answers(reading.naming))  # noqa: SLF001 - Dask has no public name for what every collection shows
    # Dask would make texts of every column of objects, vectors and lists included; the source's are converted already.
    with dask.config.set({"dataframe.convert-string": False}):
        return dd.from_delayed(
            parts,
            meta=meta,
            divisions=call.source_frame.divisions,
            prefix="dwbatch-answers",
            verify_meta=False,
        )


def _answered(frame: pd.DataFrame, sealed: Sealed, shards: Sealed, occurrences: Sealed) -> pd.DataFrame:
    reading: Reading = sealed.content
    checkpoint = _checkpoint(reading)
    rows = _rows(frame, reading, occurrences.content)
    gathered = gather(
        checkpoint,
        shards.content,
        rows.keys,
        server=reading.server,
        columns=columns_read(reading.naming),
        judge=reading.judge,
    )
    return with_answers(frame, answer_columns(reading.naming, without(rows, reading.too_large), gathered))


def _checkpoint(reading: Reading) -> Checkpoint:
    checkpoint = Checkpoint(Path(reading.folder), store=reading.store)
    if reading.store is not None:
        refuse_unseen(reading.store, by="the machine that computes this partition")
    elif not (checkpoint.path / "recipe.json").exists():
        raise CheckpointError(
            checkpoint.path,
            "the machine that computes this partition does not see the folder. Everything is bought and kept there: "
            "compute where it can be seen, or give a shared folder or a store as checkpoint=.",
        )
    return checkpoint


def _rows(frame: pd.DataFrame, reading: Reading, occurrences: np.ndarray | None) -> Rows:
    cells = read_columns(frame, reading.columns)
    rows = read_rows(cells, reading.recipe, n_rows=len(frame), dedupe=True, max_bytes=reading.max_bytes)
    if occurrences is None:
        return rows
    if len(occurrences) != len(rows):
        raise ValueError(
            f"The partition has {len(rows):,} rows, and had {len(occurrences):,} when its requests were made. With "
            "dedupe=False a row is known by its place among equal ones: make the same call again."
        )
    return replace(rows, keys=occurrence_keys(rows.keys, occurrences), occurrences=occurrences)


def _no_answers(naming: Naming) -> Any:
    nothing = pa.schema([*RESULTS, BATCH_ID]).empty_table()
    text = pa.array([], pa.string())
    none = np.zeros(0, dtype=np.int64)
    return answer_columns(
        naming,
        Rows(keys=pa.array([], pa.binary(16)), body_sizes=none, skipped=text, occurrences=none),
        Gathered(nothing, pa.array([], pa.int64())),
    )


def _occurrences(call: PartitionsCall) -> list[np.ndarray | None]:
    count = len(call.contents.starts) - 1
    if call.options.dedupe is not False:
        return [None] * count
    return [np.asarray(call.rows.occurrences[call.contents.of(place)]) for place in range(count)]


def _numbers(call: PartitionsCall, checkpoint: Checkpoint, shards: Collection[Shard]) -> list[list[int]]:
    """Numbers of the shards whose results a partition has to read, for each partition."""
    count = len(call.contents.starts) - 1
    code, partition = _pairs(call)
    index = KeyIndex.of(call.asked.keys)
    numbers: list[list[int]] = [[] for _ in range(count)]
    for shard in shards:
        if shard.server != call.connection.server or not checkpoint.has_results(shard.number):
            continue
        table = keyed(checkpoint.results(shard.number, ["request_key", "answers_key"]))
        found = np.unique(index.find(table["key"].combine_chunks()))
        asked = found[found >= 0]
        first, last = np.searchsorted(code, asked, side="left"), np.searchsorted(code, asked, side="right")
        # From here to there in `partition` stand all that hold a row of this request.
        spans = np.zeros(len(code) + 1, dtype=np.int64)
        np.add.at(spans, first, 1)
        np.add.at(spans, last, -1)
        for place in np.unique(partition[np.cumsum(spans[:-1]) > 0]).tolist():
            numbers[place].append(shard.number)
    return numbers


def _pairs(call: PartitionsCall) -> tuple[np.ndarray, np.ndarray]:
    """Each request with each partition that has a row of it, by request."""
    _, code = distinct(call.rows.keys)
    starts = call.contents.starts
    count = len(starts) - 1
    partition = np.repeat(np.arange(count), np.diff(starts))
    both = np.unique(code[code >= 0] * count + partition[code >= 0])
    return both // max(count, 1), both % max(count, 1)
