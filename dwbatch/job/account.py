"""The jobs of an account, as its server lists them."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pandas as pd
import requests

from dwbatch.connect import find_server
from dwbatch.engine.clock import Clock
from dwbatch.engine.marks import JOB, MARK
from dwbatch.errors import ApiError
from dwbatch.limits import Problems, check_range
from dwbatch.wire.client import Client
from dwbatch.wire.objects import Batch, RequestCounts

DTYPES = {
    "job": "string",
    "name": "string",
    "recipe": "string",
    "status": "string",
    "batches": "Int64",
    "requests": "Int64",
    "completed": "Int64",
    "failed": "Int64",
    "created_at": "datetime64[us, UTC]",
    "deadline": "datetime64[us, UTC]",
    "completion_window": "string",
    "endpoint": "string",
}
OVER = frozenset({"completed", "failed", "cancelled", "expired"})
HASH_CHARACTERS = 16


def jobs(
    *,
    limit: int = 100,
    status: str | None = None,
    since: "str | pd.Timestamp | None" = None,
    api_key: str | None = None,
    base_url: str | None = None,
    session: requests.Session | None = None,
) -> pd.DataFrame:
    """The jobs of the account, newest first; nothing is sent.

    Parameters
    ----------
    limit : int, default 100
        Most jobs.
    status : str, optional
        Only jobs whose status is this word of the server's, such as ``"in_progress"``.
    since : str or Timestamp, optional
        Only jobs bought since then; UTC, where no zone is said.
    api_key, base_url, session
        As in `dwbatch.run`.

    Returns
    -------
    DataFrame
        One row a job: ``job``, the id that `dwbatch.attach` takes (a batch that somebody else made is a
        job of its own, under the batch's id); ``name`` and ``recipe``, null for those; ``status``, the server's
        word on the first batch that is not over, else on the last one; ``batches``, and ``requests``,
        ``completed`` and ``failed`` over all of them, null where the server does not count;
        ``created_at`` of the first; ``deadline`` of the last window, ``completion_window``, ``endpoint``.

    Raises
    ------
    ApiError, TransportError
        If the server cannot be asked.

    Examples
    --------
    >>> import dwbatch, dwbatch.local
    >>> frame = pd.DataFrame({"text": ["lovely", "awful"]})
    >>> with dwbatch.local.Server() as server:
    ...     out = dwbatch.run(frame, "Is this positive? {text}", model="echo", base_url=server.base_url,
    ...                       name="mood", checkpoint=False, progress=False)
    ...     listed = dwbatch.jobs(base_url=server.base_url)
    >>> listed[["name", "status"]].iloc[0].tolist()
    ['mood', 'completed']
    """
    problems = Problems()
    check_range(problems, "limit", limit, least=1, whole=True)
    problems.raise_if_any()
    oldest = None if since is None else _moment(since)
    stopping, clock = threading.Event(), Clock()
    connection = find_server(base_url, api_key, session)
    with connection.client(pause=lambda s: clock.pause(s, stopping), stopping=stopping) as client:
        found = [
            (job, batches)
            for job, batches in _by_job(client, oldest, limit, status).items()
            if status is None or _status(batches) == status
        ][:limit]
        names = _names(client, {_recipe(batches[0]) for _, batches in found})
    rows = [_line(job, batches, names) for job, batches in found]
    return pd.DataFrame(rows, columns=pd.Index(list(DTYPES))).astype(DTYPES)


def _by_job(
    client: Client, oldest: pd.Timestamp | None, limit: int, status: str | None
) -> dict[str, list[Batch]]:
    """Batches newest first, by the call that bought them."""
    found: dict[str, list[Batch]] = {}
    for batch in client.batches():
        if oldest is not None and (batch.created_at or oldest.timestamp()) < oldest.timestamp():
            break
        job = str((batch.metadata or {}).get(JOB) or batch.id)
        if status is None and job not in found and len(found) == limit:
            # A call buys its batches one after another, so the older ones are of other jobs.
            break
        found.setdefault(job, []).append(batch)
    return found


def _status(batches: Sequence[Batch]) -> str:
    running = [batch.status for batch in batches if batch.status not in OVER]
    return running[-1] if running else batches[0].status


def _recipe(batch: Batch) -> str | None:
    mark = str((batch.metadata or {}).get(MARK) or "")
    return mark[:HASH_CHARACTERS] if len(mark) > HASH_CHARACTERS else None


def _names(client: Client, recipes: Iterable[str | None]) -> dict[str, str]:
    """Names of jobs by recipe: they stand in front of the mark in the names of uploaded files."""
    return dict(_named(client, [recipe for recipe in recipes if recipe is not None]))


def _named(client: Client, recipes: Iterable[str]) -> Iterator[tuple[str, str]]:
    for recipe in recipes:
        try:
            for file in client.files(search=recipe):
                front, mark, _ = (file.filename or "").rpartition(f"-{recipe}-")
                if mark:
                    yield recipe, front
                    break
        except ApiError:
            # A name is a courtesy; not every server lists files.
            return


def _line(job: str, batches: Sequence[Batch], names: dict[str, str]) -> tuple[Any, ...]:
    first, recipe = batches[-1], _recipe(batches[0])
    counts = [batch.request_counts or RequestCounts() for batch in batches]
    windows = [batch.expires_at for batch in batches if batch.expires_at is not None]
    return (
        job,
        None if recipe is None else names.get(recipe),
        recipe,
        _status(batches),
        len(batches),
        _sum([each.total for each in counts]),
        _sum([each.completed for each in counts]),
        _sum([each.failed for each in counts]),
        _seconds(first.created_at),
        _seconds(max(windows, default=None)),
        first.completion_window,
        first.endpoint,
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _seconds(moment: float | None) -> pd.Timestamp | None:
    return None if moment is None else pd.Timestamp(moment, unit="s", tz="UTC")


def _moment(since: "str | pd.Timestamp") -> pd.Timestamp:
    at = pd.Timestamp(since)
    return at.tz_localize("UTC") if at.tzinfo is None else at
