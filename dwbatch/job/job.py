"""A job in the hand: the calls that a person makes on it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import pandas as pd

from dwbatch.checkpoint.schemas import BATCHES, to_table
from dwbatch.engine.progress import Progress
from dwbatch.errors import JobStoppedError, JobTimeoutError
from dwbatch.job import answers, costs, retrying, showing, waiting
from dwbatch.job import plot as plotting
from dwbatch.job.asked import call_on
from dwbatch.job.cancelling import cancel, sentence
from dwbatch.job.costs import Cost
from dwbatch.job.held import Held
from dwbatch.job.joining import view_on
from dwbatch.job.live import Live
from dwbatch.job.looking import client_of, look
from dwbatch.job.rows import view_of
from dwbatch.job.status import JobState, JobStatus, status_of
from dwbatch.limits import seconds
from dwbatch.options import Duration

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Job:
    """The batches of a call, or of a whole checkpoint.

    It holds a folder's path, the way to the server and, where it has one, the frame: every call reads the
    disk again, and none keeps the lock. Made by `dwbatch.submit` and `dwbatch.attach`.

    Parameters
    ----------
    held : Held
        What it stands on.

    Notes
    -----
    Nothing here buys anything but `retry`: the others poll, fetch, and settle a purchase whose reply was
    lost by looking it up.

    Examples
    --------
    >>> import dwbatch, dwbatch.local, tempfile
    >>> frame = pd.DataFrame({"text": ["lovely", "awful", None]})
    >>> with dwbatch.local.Server() as server, tempfile.TemporaryDirectory() as folder:
    ...     job = dwbatch.submit(frame, "Is this positive? {text}", model="echo", base_url=server.base_url,
    ...                          checkpoint=folder, progress=False)
    ...     status = job.wait(progress=False)
    ...     out = job.result(progress=False)
    ...     errors = job.errors()
    >>> status.state.value, status.completed
    ('done', 2)
    >>> errors["error_code"].tolist()
    ['null_input']
    """

    def __init__(self, held: Held) -> None:
        self._held = held
        self._live = Live()

    def __repr__(self) -> str:
        return showing.text(self._held)

    def _repr_html_(self) -> str:
        return showing.card(self._held)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "A Job cannot be pickled or copied: it knows a key. Call dwbatch.attach() with its checkpoint "
            f"{str(self._held.checkpoint.path)!r} where it is needed."
        )

    def status(self) -> JobStatus:
        """How far the job is; one look at the server, and nothing is written."""
        with client_of(self._held) as client:
            return status_of(self._held, look(self._held, client))

    def batches(self) -> pd.DataFrame:
        """The shards of the job and their batches as last recorded, with the columns of ``batches.parquet``."""
        frame: pd.DataFrame = to_table(self._held.shards()).select(BATCHES.names).to_pandas()
        return frame

    def wait(self, timeout: Duration | None = None, *, progress: bool = True) -> JobStatus:
        """Wait until every batch is over and fetched; buys nothing.

        Parameters
        ----------
        timeout : float, str or Timedelta, optional
            Longest wait: seconds, ``"8h"``, a Timedelta.
        progress : bool, default True
            A line on stderr meanwhile.

        Returns
        -------
        JobStatus
            As it is then. Its state is ``unsent`` or ``unclear`` where something was never bought, or is not
            known to be: the call that made the job goes on with that.

        Raises
        ------
        JobTimeoutError
            If the time is over; the batches run on.
        """
        shown = Progress(is_shown=progress)
        watcher = showing.watcher_of(self._held, shown, is_shown=progress)
        try:
            waiting.wait(
                self._held,
                timeout_s=None if timeout is None else seconds(timeout),
                progress=shown,
                watcher=watcher,
            )
        except JobTimeoutError as error:
            error.job = self
            raise
        finally:
            showing.finish(watcher)
        return status_of(self._held, self._held.shards())

    def partial(self) -> pd.DataFrame:
        """What is answered so far, in the shape of the final frame.

        Running batches are read on from where the last look of this job stopped. Nothing is written,
        and no lock is taken: it works while another process waits for the same job.

        Returns
        -------
        DataFrame
            Like that of `result`, with the same columns and dtypes; rows without an answer yet are
            ``pending``.
        """
        view = view_of(self._held, self._held.shards())
        with client_of(self._held) as client:
            shards = look(self._held, client)
            live = list(self._live.results(shards, self._held.checkpoint, client))
        return answers.answers(self._held, view, shards, live)

    def result(
        self,
        frame: "pd.DataFrame | pd.Series[str] | None" = None,
        *,
        on: str | None = None,
        timeout: Duration | None = None,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Wait for the job, and put its answers on rows.

        Parameters
        ----------
        frame : DataFrame or Series, optional
            Rows that the job was made of, in any order; by default those that it was made with.
        on : str, optional
            The column of `frame` that holds the custom_ids, or a template of them, such as
            ``"user-{user_id}"``. By default a row finds its answer by what it asks.
        timeout, progress
            As for `wait`.

        Returns
        -------
        DataFrame
            What `dwbatch.run` returns. Without any frame, one row a request: ``custom_id``, ``request_key``,
            ``position`` in the frame of then, and the answer columns.

        Raises
        ------
        JobTimeoutError
            If the time is over; the batches run on.
        JobStoppedError
            If some requests were never bought, so that no waiting brings their answers.
        """
        held = self._held if frame is None or on is not None else self._with(frame)
        status = self.wait(timeout, progress=progress)
        if status.state in {JobState.UNSENT, JobState.UNCLEAR}:
            raise JobStoppedError(
                f"{status.pending:,} of {status.requests:,} requests are {status.state}, so waiting brings no answer. Make "
                "the call again that made this job: it goes on from here and buys nothing twice. partial() has what "
                "is answered."
            )
        shards = held.shards()
        view = view_of(held, shards) if frame is None or on is None else view_on(held, frame, on, shards)
        return answers.answers(held, view, shards)

    def errors(self) -> pd.DataFrame:
        """The rows without an answer, and why; a look at what is fetched, and nothing is asked.

        Returns
        -------
        DataFrame
            One row a row that is neither ``ok`` nor ``pending``, under the label of the job's frame (without
            one, numbered in the order of the requests): ``custom_id``, ``status``, ``error_code``, ``error`` (the
            server's sentence), ``raw`` (the text of an answer that was cut, filtered or does not fit)
            and ``body`` (what came back, word for word).
        """
        shards = self._held.shards()
        return answers.errors(self._held, view_of(self._held, shards), shards)

    def retry(
        self,
        which: "str | Sequence[str] | Sequence[bool] | pd.Series[bool]" = "failed",
        *,
        progress: bool = True,
        **parameters: Any,
    ) -> "Job":
        """Ask some rows again, perhaps with other parameters; does not wait for the answers.

        The bodies are the server's own copy of what it was sent before, so no frame is needed. The
        answers land on the rows of then, here and in the next `dwbatch.run`; the best answer of a
        row stands. Rows that are on their way already are left alone, so the same call twice buys once.

        Parameters
        ----------
        which : str, list of str or mask, default "failed"
            Kinds of rows, as for ``retry=`` of `dwbatch.run`; or a truth for each row of the job's
            frame, which asks exactly those again, answered or not.
        progress : bool, default True
            A line on stderr meanwhile.
        **parameters
            What the requests say differently: ``max_tokens``, ``temperature``, ``top_p``, ``stop``, ``seed``,
            ``reasoning_effort``, ``model``, ``extra_body``; and ``max_cost``, as for `dwbatch.run`.

        Returns
        -------
        Job
            The same rows, with the batches that this call has bought.

        Raises
        ------
        InputError
            If a kind or parameter is unknown, or the mask does not fit; nothing was sent.
        CheckpointLockedError
            If another call holds the checkpoint; nothing was sent.
        ApiError, TransportError, JobStoppedError, CostLimitError
            If the server will not have it, or it costs too much; what was bought is kept.
        """
        return Job(retrying.retry(self._held, which, parameters, progress=Progress(is_shown=progress)))

    def cost(self) -> Cost:
        """What the job was billed and what it used, so far; a server that knows no costs is no error."""
        shards = self._held.shards()
        with client_of(self._held) as client:
            return costs.cost_of(self._held, view_of(self._held, shards), shards, client)

    def plot(self) -> "Figure":
        """A picture of the job: its requests over time, and what became of its rows.

        Returns
        -------
        matplotlib.figure.Figure
            Of what is recorded; nothing is asked. Its two axes can be drawn on further.

        Raises
        ------
        DwbatchError
            If matplotlib is not installed (extra ``plot``).
        """
        figure: Figure = plotting.plot(self._held)
        return figure

    def cancel(self, *, timeout: Duration | None = 30, progress: bool = True) -> pd.DataFrame:
        """Stop the spending: cancel every batch that still runs, and send nothing more.

        It works while another process is busy with the same checkpoint: that one obeys before it
        buys anything more. Each batch is looked at first, because cancelling one that is over would
        relabel it; a batch adopted from the account may be somebody else's and runs on. Requests in the
        air finish and are billed: they are waited for, and kept. The same call as before leaves the
        cancelled rows alone unless ``retry="cancelled"`` is said.

        Parameters
        ----------
        timeout : float, str or Timedelta, default 30 s
            Longest wait for those late finishers; None does not wait.
        progress : bool, default True
            Say on stderr what was kept.

        Returns
        -------
        DataFrame
            One row a batch that was running when last recorded: ``batch_id``, ``status`` now,
            ``completed``, ``failed`` and ``total`` requests. The status is ``gone`` where the server
            does not know the batch any more.

        Raises
        ------
        ApiError, TransportError
            If the server cannot be asked about a batch, or the key is another account's. Nothing more
            is bought all the same, and every other batch was cancelled.
        """
        cancelled = cancel(self._held, timeout_s=0.0 if timeout is None else seconds(timeout))
        Progress(is_shown=progress).say(sentence(cancelled))
        return cancelled

    def _with(self, frame: "pd.DataFrame | pd.Series[str]") -> Held:
        return replace(self._held, call=call_on(self._held, frame))
