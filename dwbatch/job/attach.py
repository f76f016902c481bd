"""A job found again, in any process: by its folder, by the frame that came of it, or by an id."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import requests

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.known import knowing
from dwbatch.checkpoint.place import default_place, given_place, make_parent, store_uri
from dwbatch.connect import find_server
from dwbatch.errors import CheckpointError, InputError
from dwbatch.given import read_options
from dwbatch.job.adopting import FOREIGN, adopt, find_batches
from dwbatch.job.asked import call_on
from dwbatch.job.held import Held, Wording
from dwbatch.job.job import Job
from dwbatch.options import Prompt

ATTRS = "dwbatch"


def attach(
    target: "str | os.PathLike[str] | pd.DataFrame",
    *,
    checkpoint: "str | os.PathLike[str] | None" = None,
    prompt: Prompt | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
    session: requests.Session | None = None,
    **options: Any,
) -> Job:
    """A job found again, in any process; nothing is sent.

    Parameters
    ----------
    target : path, str or DataFrame
        The folder that the call named in its last line, or the store that it was given; a frame that `dwbatch.run`
        returned; the id of a batch, or of a job as `dwbatch.jobs` shows it.
    checkpoint : path, optional
        Where a batch is kept that no folder of this machine knows; by default under ``.dwbatch``. It is
        rebuilt from the server's own copy of the requests.
    prompt, **options
        Those of the call that made it, where its folder does not say them: so that ``result(frame)`` finds
        the rows by what they ask.
    api_key, base_url, session
        As in `dwbatch.run`; the server is the one that the checkpoint names.

    Returns
    -------
    Job

    Raises
    ------
    CheckpointError
        If there is no checkpoint, or it names several servers and `base_url` does not say which.
    InputError
        If nothing of that name is found, here or at the account.

    Examples
    --------
    >>> import dwbatch.local, pandas, tempfile
    >>> frame = pandas.DataFrame({"text": ["lovely", "awful"]})
    >>> with dwbatch.local.Server() as server, tempfile.TemporaryDirectory() as folder:
    ...     bought = dwbatch.submit(frame, "Is this positive? {text}", model="echo", base_url=server.base_url,
    ...                             checkpoint=folder, progress=False)
    ...     # Here the process may die. In another one:
    ...     job = dwbatch.attach(folder, base_url=server.base_url)
    ...     out = job.result(frame, progress=False)
    >>> out["response_status"].tolist()
    ['ok', 'ok']
    """
    wording = _wording(prompt, options)
    connect = _Connect(base_url, api_key, session)
    if isinstance(target, pd.DataFrame):
        return Job(_of_frame(target, connect, wording, options.get("output")))
    path = given_place(target, environ=os.environ, cwd=Path.cwd())
    is_path = isinstance(target, str) and (os.sep in target or "://" in target)
    if not path.is_dir() and isinstance(target, str) and not is_path and target.isascii():
        return Job(_of_id(target, connect, wording, checkpoint))
    return Job(replace(_of_folder(path, connect), wording=wording))


class _Connect:
    """The way to a server, once it is known which."""

    def __init__(self, base_url: str | None, api_key: str | None, session: requests.Session | None) -> None:
        self.base_url = base_url
        self._api_key = api_key
        self._session = session

    def held(self, folder: Checkpoint, server: str | None = None) -> Held:
        """A folder and the way to its server."""
        return Held(folder, find_server(self.base_url or server, self._api_key, self._session))


def _wording(prompt: Prompt | None, options: Mapping[str, object]) -> Wording | None:
    if prompt is None and "messages" not in options:
        return None
    return Wording(prompt, read_options(options, call="attach"))


def _of_folder(path: Path, connect: _Connect) -> Held:
    folder = Checkpoint(path)
    if not (path / "recipe.json").exists():
        raise CheckpointError(path, "there is no checkpoint here. Give the folder that the call named.")
    servers = sorted({shard.server for shard in folder.shards()})
    if connect.base_url is None and len(servers) > 1:
        raise CheckpointError(path, f"it holds batches of {' and '.join(servers)}; say which with base_url=.")
    return connect.held(folder, servers[0] if servers else None)


def _of_frame(frame: pd.DataFrame, connect: _Connect, wording: Wording | None, output: object) -> Held:
    hints = frame.attrs.get(ATTRS)
    outputs = list(hints) if isinstance(hints, dict) else []
    chosen = output if output in outputs else (outputs[-1] if outputs and output is None else None)
    said = hints[chosen] if isinstance(hints, dict) and chosen is not None else {}
    if not said.get("checkpoint"):
        raise InputError.nothing_sent(
            "This frame does not say which job it came of: pandas drops frame.attrs in many operations. Give the "
            "checkpoint's folder, which the call named in its last line, or the id of a batch."
        )
    held = replace(_of_folder(Path(said["checkpoint"]), connect), wording=wording)
    named = {"output": str(chosen)}
    return replace(held, call=call_on(held, frame, recipe=said.get("recipe"), more=named))


def _of_id(name: str, connect: _Connect, wording: Wording | None, checkpoint: object) -> Held:
    given = None if checkpoint is None else str(checkpoint)
    here = None if given is None else given_place(given, environ=os.environ, cwd=Path.cwd())
    place = here or default_place(name="attached", recipe_hash=name, environ=os.environ, cwd=Path.cwd())
    for folder, numbers in knowing(place.parent, name):
        if here is None or folder.path == here:
            return replace(_of_folder(folder.path, connect), numbers=numbers, wording=wording)
    if store_uri(given) is not None:
        raise InputError.nothing_sent(
            "A batch is rebuilt in a folder of this machine: give one as checkpoint=."
        )
    held = replace(connect.held(Checkpoint(place)), wording=wording)
    batches = find_batches(held, name)
    if here is None:
        make_parent(place, held.checkpoint.disk)
    held.checkpoint.open()
    held.checkpoint.write_recipe(FOREIGN, {"endpoint": batches[0].endpoint or ""})
    return adopt(held, batches, edition=wording.options.edition if wording else "")
