"""The Dask door: ``ddf.doubleword``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Unpack

import pandas as pd

from dwbatch.asking import ask
from dwbatch.asking_vectors import ask_embedding
from dwbatch.before.estimate import Estimate, ask_price
from dwbatch.before.plan import Plan, plan_of
from dwbatch.before.preview import previewed
from dwbatch.call import Ask, warn_of_equal_rows
from dwbatch.dask.calling import PartitionsCall, prepare
from dwbatch.dask.carrying import carry_out
from dwbatch.dask.cluster import means_for
from dwbatch.dask.jobs import PartitionsJob, job_of
from dwbatch.embed_options import EmbedOptions, shows_embed_options, take_embed_options
from dwbatch.errors import JobTimeoutError
from dwbatch.given import take_options
from dwbatch.job.held import Wording
from dwbatch.opening import Means, named_place
from dwbatch.options import Options, Prompt, RunOptions, shows_options
from dwbatch.sending import submit_only


class Accessor:
    """Batch calls on a Dask frame: spending is done at once and by this process, reading is lazy.

    Parameters
    ----------
    frame : dask.dataframe.DataFrame
    """

    __slots__ = ("_frame",)

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def __repr__(self) -> str:
        return f"<doubleword accessor of a Dask frame, {self._frame.npartitions} partitions: .run>"

    @shows_options
    def run(self, prompt: Prompt | None = None, **options: Unpack[RunOptions]) -> Any:
        """A new Dask frame with an answer, or the reason there is none, on every row.

        Comes back when every batch is over. The frame has the partitions, divisions and index of this one, and
        reads its answers out of the checkpoint each time it is computed; that sends nothing. Options are those
        of `dwbatch.run`, except several models, ``checkpoint=False`` and ``errors="raise"``.

        Notes
        -----
        With a `distributed` client, workers render, upload, fetch and decode; this process alone buys. They
        need a key of their own: ``DOUBLEWORD_API_KEY`` in their environment, or `dwbatch.dask.KeyPlugin`. And
        they need to see the checkpoint: a folder that all machines share under one path, or a store, as
        ``s3://bucket/job``. A folder is asked for files that are renamed at once and seen by all then; a store
        for objects that appear whole, are read as last written, and are listed from then on. What changes in
        place, ``batches.parquet`` and the lock, is used by this process alone, and with a store stands in a
        folder of its own machine.
        """
        return _run(self._frame, prompt, take_options(options, call="run"))

    @shows_options
    def submit(self, prompt: Prompt | None = None, **options: Unpack[RunOptions]) -> PartitionsJob:
        """The job of a call, once every batch of it is bought; see `dwbatch.submit`."""
        taken = take_options(options, call="submit")
        call = prepare(self._frame, prompt, taken)
        means = means_for(call)
        return job_of(call, submit_only(call, means), Wording(prompt, taken), means)

    @shows_embed_options
    def embed(self, text: str | None = None, **options: Unpack[EmbedOptions]) -> Any:
        """A new Dask frame with a vector, or the reason there is none, on every row; see `dwbatch.embed`.

        Without `dimensions`, a vector is held to the length of most of its partition, and not of the frame.
        """
        columns = self._frame.columns
        named = columns[0] if text is None and len(columns) == 1 else text
        return _run(self._frame, named, take_embed_options(options), ask_embedding)

    @shows_options
    def preview(
        self, prompt: Prompt | None = None, *, rows: int = 3, **options: Unpack[RunOptions]
    ) -> pd.DataFrame:
        """The requests of the first rows, and nothing is sent; see `dwbatch.preview`."""
        taken = take_options(options, call="preview")
        return previewed(self._frame.head(rows, npartitions=-1), prompt, rows, taken)

    @shows_options
    def plan(self, prompt: Prompt | None = None, **options: Unpack[RunOptions]) -> Plan:
        """What `run` would do with the same arguments, counted; see `dwbatch.plan`."""
        call = prepare(self._frame, prompt, take_options(options, call="plan"), sends=False)
        warn_of_equal_rows(call)
        return plan_of(call, named_place(call))

    @shows_options
    def estimate(self, prompt: Prompt | None = None, **options: Unpack[RunOptions]) -> Estimate:
        """The server's price for what `run` would buy; see `dwbatch.estimate`."""
        call = prepare(self._frame, prompt, take_options(options, call="estimate"))
        return ask_price(call, means_for(call))


def _run(frame: Any, prompt: Prompt | None, options: Options, ask: Ask = ask) -> Any:
    call = prepare(frame, prompt, options, ask=ask)
    means = means_for(call)
    with _told_with_job(call, Wording(prompt, options), means):
        return carry_out(call, means)


@contextmanager
def _told_with_job(call: PartitionsCall, wording: Wording, means: Means) -> Iterator[None]:
    """Give a timeout the job that it has left running."""
    try:
        yield
    except JobTimeoutError as error:
        if error.checkpoint is not None:
            error.job = job_of(call, error.checkpoint, wording, means)
        raise
