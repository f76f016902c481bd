"""The calls a person makes, typed."""

from typing import Any, TypeVar, Unpack, overload

import pandas as pd

from dwbatch.call import Call, prepare
from dwbatch.frames import as_frame
from dwbatch.given import take_options
from dwbatch.job import submitting
from dwbatch.job.held import Wording
from dwbatch.job.job import Job
from dwbatch.options import Options, Prompt, RunOptions, shows_options
from dwbatch.other_frames import ArrowStream, Partitions, emptied, in_kind, own_door
from dwbatch.sending import carry_out

ArrowFrame = TypeVar("ArrowFrame", bound=ArrowStream)
DaskFrame = TypeVar("DaskFrame", bound=Partitions)


@overload
def run(
    frame: "pd.DataFrame | pd.Series[str]", prompt: Prompt | None = None, **options: Unpack[RunOptions]
) -> pd.DataFrame: ...
@overload
def run(frame: ArrowFrame, prompt: Prompt | None = None, **options: Unpack[RunOptions]) -> ArrowFrame: ...
@overload
def run(frame: DaskFrame, prompt: Prompt | None = None, **options: Unpack[RunOptions]) -> DaskFrame: ...
@shows_options
def run(frame: Any, prompt: Prompt | None = None, **options: Unpack[RunOptions]) -> Any:
    """A new frame with an answer, or the reason there is none, on every row.

    Rows become requests, requests become batches, and each batch is bought once: after a dead
    kernel, a lost reply or a closed laptop the same call goes on where it stopped.

    Parameters
    ----------
    frame : DataFrame or Series, any frame that speaks Arrow, or one of Dask
        Any index; a Series is a frame of one column, named like it or ``text``. A frame of Polars, a relation
        of DuckDB, a ``pa.Table`` or ``RecordBatch`` comes back as what it was.
    prompt : str, list or callable, optional
        Template of the user's message: ``{column}`` is a column or index level, ``{column!r}`` and
        ``{column:.2f}`` as in `str.format`; a literal brace is doubled. Or a list of parts, such as
        ``["Read this: {title}", dwbatch.image("{path}")]``. Or a callable that makes a text, or messages,
        of a row: a dict of every column and index level, its values plain Python with None for missing.
        It is called once to plan and once more to send, and must say the same. Not together with
        `messages`.
    model : str
        The model's name, or a template of it, such as ``"{model}"``.
    messages : list of mappings, str or callable, optional
        Templates of a whole conversation, columns in any turn and parts in any content; or the name of a
        column that holds one in each row, as lists of messages or JSON text; or a callable as above.
    system : str, optional
        Template of a system message, put first.
    response_format : type, mapping or str, optional
        What answers are held to: a Pydantic class, a dataclass, a TypedDict, a JSON schema, or a bare type
        such as ``Literal["pos", "neg"]``, ``bool`` or ``list[str]``; ``"json_object"`` for any object. One of
        several fields makes a typed column of each, a bare type fills the answer column. An answer that does
        not fit is ``invalid``; another format reads the stored answers anew, and pays only if what is
        sent is another.
    output : str, default "response"
        Name of the answer column; its companions are named after it.
    prefix : str, optional
        In front of the names of the fields of `response_format`.
    name : str, default "dwbatch"
        The job's name, in the checkpoint's folder, file names and custom_ids.
    metadata : mapping of str to str, optional
        Written on each batch.
    edition : str, default ""
        Another word makes the same requests a new purchase.
    temperature, max_tokens, top_p, stop, seed, reasoning_effort, tools, tool_choice : optional
        Sent as they are, and only if given. ``temperature`` is from 0 to 2, ``stop`` is one text or
        up to four.
    n : int, optional
        Answers to each request. If given, a row's answer is a list of so many: None where a sample
        is not ok, and the row's status is that of its worst sample.
    extra_body : mapping, optional
        Further parameters of the request body.
    endpoint : str, default "/v1/chat/completions"
        Or ``"/v1/responses"``, or ``"/v1/completions"``, which takes a text alone.
    completion_window : str, default "24h"
        One of those that the server offers, such as ``"1h"``.
    custom_id : str, optional
        Template of custom_ids, such as ``"user-{user_id}"``: ASCII, at most 64 bytes, one a
        distinct request.
    on_null : {"skip", "raise", "render"}, default "skip"
        What to do with a row in which a named column is missing: no request, an error before
        anything is sent, or empty text.
    dedupe : bool, optional
        Whether equal rows are one request. True unless said otherwise; a prompt that names no
        column wants it said.
    checkpoint : path, URI or False, optional
        Folder of ids and answers; by default ``.dwbatch/<name>-<recipe hash>`` in the working
        directory, or under ``DWBATCH_HOME``. The URI of an object store, such as ``s3://bucket/job``, keeps
        requests and results there, and the rest in a folder beside the default one that belongs to this URI.
        False: a temporary one, removed when all is answered.
    max_requests_per_batch : int, default 50,000
        The server's own limit is configured there; published are 50,000.
    max_bytes_per_batch : int, default 100,000,000
        Largest file, in bytes; a row that is larger alone is skipped.
    max_active_batches : int, optional
        Most batches between upload and fetch at one time; the next ones wait. All at once unless said.
    max_cost : number, str or Decimal, optional
        Most that what this call buys may cost, in the account's currency, by the server's own estimate:
        more, or no price (and 0 is none), and the call is refused before any batch exists. The files
        stay uploaded for a call with a higher limit. With `max_active_batches`, or a frame larger than
        memory, it is kept shard by shard, up to the first that costs more than is left.
    retry : str, list of str or False, default "transient"
        Which rows that are not ok this call sends again, each at most once and never before its batch
        has ended: ``"transient"`` (the server or the network was at fault), ``"failed"`` (other errors),
        ``"invalid"``, ``"truncated"``, ``"missing"``, ``"cancelled"``. Rows that failed for lack of money,
        and cancelled ones, not before the next call.
    errors : {"coerce", "raise"}, default "coerce"
        Whether rows that are not ok are values in the new columns, or raise once every answer is
        merged: the frame is then ``error.frame``. A row skipped for a null is left to `on_null`.
    timeout : float, str or Timedelta, optional
        Longest wait: seconds, ``"8h"``, a Timedelta.
    poll_interval : float, str or Timedelta, optional
        Between two looks at the server; by default it grows from one second to 45.
    progress : bool, default True
        A line on stderr while waiting, and one sentence at the end.
    details : bool, default False
        Add custom_id, finish_reason, model, prompt_tokens, completion_tokens, batch_id, raw, message
        and body, each with ``<output>_`` in front.
    overwrite : bool, default False
        Allow to write over columns that are there.
    api_key : str, optional
        Else ``DOUBLEWORD_API_KEY``, else the active account of ``~/.dw/credentials.toml``.
    base_url : str, optional
        Else ``DOUBLEWORD_BASE_URL``, else the hosted service; ``"local"`` is a server on this
        machine that needs no key.
    session : requests.Session, optional
        For proxies and certificates.

    Returns
    -------
    DataFrame
        The rows of `frame` in their order and with their index, and the columns ``response``,
        ``response_status``, ``response_error_code`` and ``response_error``. An answer stands exactly
        where the status is ``ok``. With a `response_format` of several fields these stand in place of
        ``response``.

    Raises
    ------
    InputError
        Wrong input; all of it is named, and nothing was sent.
    CredentialsError
        No key, or one that cannot be sent.
    CheckpointError
        The folder cannot be used, or another call holds it.
    ApiError, TransportError, JobStoppedError
        The server refused, or cannot be reached. What was bought is kept.
    CostLimitError
        It would cost more than `max_cost`, or the server gives no price; nothing more was bought.
    RowsFailedError
        Rows failed and ``errors="raise"`` was said; everything is merged and kept.
    JobTimeoutError
        `timeout` is over. The batches run on, and the same call goes on from there.

    Examples
    --------
    >>> import dwbatch, dwbatch.local
    >>> frame = pd.DataFrame({"text": ["lovely", "awful"]})
    >>> with dwbatch.local.Server() as server:
    ...     out = dwbatch.run(frame, "Is this positive? {text}", model="echo", base_url=server.base_url,
    ...                       checkpoint=False, progress=False)
    >>> out["response_status"].tolist()
    ['ok', 'ok']
    """
    if (door := own_door(frame)) is not None:
        return door.run(prompt, **emptied(options))
    taken = take_options(options, call="run")
    return in_kind(
        frame,
        lambda held: prepare(held, prompt, taken),
        lambda call: _carried(call, Wording(prompt, taken)),
        call="run",
    )


def answered(frame: "pd.DataFrame | pd.Series[str]", prompt: Prompt | None, options: Options) -> pd.DataFrame:
    """What `run` returns, for a door that has read the options itself."""
    return _carried(prepare(as_frame(frame, call="run"), prompt, options), Wording(prompt, options))


def _carried(call: Call, wording: Wording) -> pd.DataFrame:
    with submitting.told_with_job(call, wording):
        return carry_out(call)[0]


@shows_options
def submit(
    frame: "pd.DataFrame | pd.Series[str] | Partitions",
    prompt: Prompt | None = None,
    **options: Unpack[RunOptions],
) -> Job:
    """The job of a call, once every batch of it is bought; does not wait for answers.

    Parameters
    ----------
    frame : DataFrame or Series
    prompt : str, optional
        As in `dwbatch.run`, like every other option. `timeout` means nothing here.

    Returns
    -------
    Job
        ``job.result()`` waits and gives what `dwbatch.run` would; `dwbatch.attach` finds the job again in
        another process.

    Raises
    ------
    CheckpointLockedError
        If another call holds the checkpoint; nothing was sent.
    InputError, CredentialsError, CheckpointError, ApiError, TransportError, JobStoppedError
        As in `dwbatch.run`.

    Examples
    --------
    >>> import dwbatch, dwbatch.local, tempfile
    >>> frame = pd.DataFrame({"text": ["lovely", "awful"]})
    >>> with dwbatch.local.Server() as server, tempfile.TemporaryDirectory() as folder:
    ...     job = dwbatch.submit(frame, "Is this positive? {text}", model="echo", base_url=server.base_url,
    ...                          checkpoint=folder, progress=False)
    ...     out = job.result(progress=False)
    >>> out["response_status"].tolist()
    ['ok', 'ok']
    """
    if (door := own_door(frame)) is not None:
        job: Job = door.submit(prompt, **emptied(options))
        return job
    return submitted(frame, prompt, take_options(options, call="submit"))


def submitted(frame: object, prompt: Prompt | None, options: Options) -> Job:
    """What `submit` returns, for a door that has read the options itself."""
    call = prepare(as_frame(frame, call="submit"), prompt, options)
    return submitting.submit(call, Wording(prompt, options))
