"""`dwbatch.submit_jsonl`: a request file that is ready, bought once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Unpack, cast

import pandas as pd

from dwbatch.answers.vectors import Vectors
from dwbatch.asking import Asking
from dwbatch.call import Call
from dwbatch.connect import Connection, find_server, without_key
from dwbatch.embed_options import ENDPOINT
from dwbatch.engine.source import Source
from dwbatch.engine.wanted import wanted
from dwbatch.errors import UnknownParameterError
from dwbatch.given import read_options
from dwbatch.job.job import Job
from dwbatch.job.submitting import submit
from dwbatch.options import Options, SendOptions
from dwbatch.prompts.encode import compile_body
from dwbatch.prompts.requests import Recipe
from dwbatch.prompts.template import parse
from dwbatch.request_files.reading import RequestFile, read_requests

NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCall(Call):
    """A call whose requests stand in a file, each with its own custom_id.

    Parameters
    ----------
    file : RequestFile
    """

    file: RequestFile

    @property
    def source(self) -> Source:
        """Where the request lines come from."""
        return self.file


def submit_jsonl(path: str | PathLike[str], **options: Unpack[SendOptions]) -> Job:
    """Buy the requests of a file that somebody else wrote, each once; does not wait for answers.

    The file is read whole before anything is sent, and cut where it is larger than a batch may be. Bought again, it
    buys only the lines that are new or changed.

    Parameters
    ----------
    path : path
        JSONL: ``custom_id``, ``method``, ``url`` and ``body`` in each line, as in any batch API of OpenAI's kind.
    name : str, optional
        The job's name; by default that of the file.
    dedupe : bool, default False
        Whether lines of one body are bought once and answered alike. A line is a request, unless that is said.
    completion_window, metadata, edition, checkpoint, max_requests_per_batch, max_bytes_per_batch, max_cost, retry, \
poll_interval, progress, details, api_key, base_url, session
        As in `dwbatch.run`.

    Returns
    -------
    Job
        ``job.result()`` waits, and has a row for each line: its ``custom_id``, and the answer columns. What
        ``/v1/embeddings`` answers is an array of float32.

    Raises
    ------
    InputError
        Every fault of the file with its line, and nothing was sent.
    CheckpointLockedError
        If another call holds the checkpoint; nothing was sent.
    CredentialsError, CheckpointError, ApiError, TransportError, JobStoppedError
        As in `dwbatch.run`.

    Notes
    -----
    What is sent says the same as what stands in the file, with sorted keys and without spaces.

    Examples
    --------
    >>> import dwbatch, dwbatch.local, json, pathlib, tempfile
    >>> body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    >>> line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    >>> with dwbatch.local.Server() as server, tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "requests.jsonl")
    ...     _ = path.write_text(json.dumps(line))
    ...     job = dwbatch.submit_jsonl(path, base_url=server.base_url, checkpoint=f"{folder}/job", progress=False)
    ...     out = job.result(progress=False)
    >>> out["custom_id"].tolist(), out["response"].tolist()
    (['a'], ['echo: Hello'])
    """
    given = cast("dict[str, object]", options)
    try:
        place = Path(path).expanduser().absolute()
        chosen = _read(given, place)
    finally:
        # A traceback with local variables would show the key.
        given.clear()
    return submit(prepared(place, chosen))


def prepared(path: Path, options: Options, *, sends: bool = True) -> FileCall:
    """The call that a request file stands for, checked.

    Parameters
    ----------
    path : Path
    options : Options
    sends : bool
        Whether it will speak to the server.

    Raises
    ------
    InputError, CredentialsError
        If anything is wrong. Nothing was sent.
    """
    file = read_requests(
        path, edition=options.edition, dedupe=options.dedupe is True, max_bytes=options.max_bytes_per_batch
    )
    file.refuse_faults()
    connection = (
        find_server(options.base_url, options.api_key, options.session)
        if sends
        else without_key(options.base_url)
    )
    return _call(file, options, connection)


def _call(file: RequestFile, options: Options, connection: Connection) -> FileCall:
    # Whatever the lines ask for, the folder goes by the server, the url and the name.
    body = {"model": parse("{model}", where="model")}
    written = {"name": options.name, "endpoint": file.url, "edition": options.edition or None}
    asking = Asking(
        body=body,
        recipe=Recipe(endpoint=file.url, body=compile_body(body), edition=options.edition),
        custom_id=parse("{custom_id}", where="custom_id"),
        columns=("custom_id", "model"),
        written={name: value for name, value in written.items() if value is not None},
        vectors=Vectors(None) if file.url == ENDPOINT else None,
    )
    return FileCall(
        frame=pd.DataFrame({"custom_id": file.custom_ids.to_pandas().astype("string")}),
        options=options,
        asking=asking,
        connection=connection,
        columns={"custom_id": file.custom_ids, "model": file.models},
        rows=file.rows,
        asked=wanted(file.rows),
        file=file,
    )


def _read(given: Mapping[str, object], path: Path) -> Options:
    unknown = [name for name in given if name not in SendOptions.__annotations__]
    if unknown:
        raise UnknownParameterError.nothing_sent(
            f"submit_jsonl() does not know {', '.join(map(repr, unknown))}: what is asked stands in the file."
        )
    name = given.get("name") or named_after(path)
    return read_options({"model": "-", **given, "name": name}, call="submit_jsonl")


def named_after(path: Path) -> str:
    """A job's name for a file.

    Examples
    --------
    >>> named_after(Path("my requests.jsonl"))
    'my-requests'
    """
    plain = NOT_IN_NAMES.sub("-", path.name.split(".")[0]).strip("-._")[:LONGEST_NAME]
    return plain or "requests"
