"""How far a job is, as one small object."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pyarrow.compute as pc

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.states import OVER, UNPAID
from dwbatch.job.held import Held


class JobState(StrEnum):
    """Where a job stands, the least of what its shards are.

    Examples
    --------
    >>> STATE_MEANINGS[JobState.UNSENT]
    'some requests are not bought yet; the call that made it goes on with them'
    """

    EMPTY = "empty"
    UNSENT = "unsent"
    UNCLEAR = "unclear"
    RUNNING = "running"
    ENDED = "ended"
    DONE = "done"


STATE_MEANINGS = {
    JobState.EMPTY: "nothing was ever to be sent",
    JobState.UNSENT: "some requests are not bought yet; the call that made it goes on with them",
    JobState.UNCLEAR: "whether a batch was bought is not known; waiting looks it up",
    JobState.RUNNING: "batches run at the server",
    JobState.ENDED: "every batch is over, and not all is fetched",
    JobState.DONE: "everything is over and fetched",
}

_RANK = {
    **dict.fromkeys(UNPAID, JobState.UNSENT),
    State.SUBMITTING: JobState.UNCLEAR,
    State.SUBMITTED: JobState.RUNNING,
    State.ENDED: JobState.ENDED,
    **dict.fromkeys(OVER, JobState.DONE),
}
_ORDER = tuple(JobState)
_SERVER_OVER = frozenset({"completed", "failed", "cancelled", "expired"})


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How far a job is.

    Parameters
    ----------
    state : JobState
        ``empty``, ``unsent``, ``unclear``, ``running``, ``ended`` or ``done``: the least of its batches'.
    requests : int
        Distinct requests, each counted once however often it was sent.
    completed, failed : int
        Of the requests sent, as the server counts them. They may go backwards.
    pending : int
        Not over yet.
    batches, batches_over : int
    since : datetime or None
        When the first batch was bought, UTC.
    deadline : datetime or None
        When the last completion window ends, UTC. A target of the server's, not a cut-off.
    is_overdue : bool
        Whether a batch still runs past its window.
    prompt_tokens, completion_tokens : int
        Of all results fetched so far.
    server_statuses : tuple of str
        The server's own words on the batches that are not over, each once.
    checkpoint : Path

    Examples
    --------
    >>> import dwbatch, dwbatch.local, pandas, tempfile
    >>> frame = pandas.DataFrame({"text": ["lovely", "awful"]})
    >>> with tempfile.TemporaryDirectory() as folder, dwbatch.local.Server() as server:
    ...     job = frame.doubleword.submit("{text}", model="m", base_url=server.base_url,
    ...                                   checkpoint=f"{folder}/job", progress=False)
    ...     status = job.wait(progress=False)
    >>> status.state.value, status.requests, status.completed, status.pending
    ('done', 2, 2, 0)
    """

    state: JobState
    requests: int
    completed: int
    failed: int
    pending: int
    batches: int
    batches_over: int
    since: dt.datetime | None
    deadline: dt.datetime | None
    is_overdue: bool
    prompt_tokens: int
    completion_tokens: int
    server_statuses: tuple[str, ...]
    checkpoint: Path

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come by itself."""
        return self.state in {JobState.EMPTY, JobState.DONE}

    def __str__(self) -> str:
        parts = [
            f"{self.state}: {self.completed:,} of {self.requests:,} requests completed, {self.failed:,} failed",
            f"{self.batches_over}/{self.batches} batches over",
        ]
        if self.since is not None:
            parts.append(f"bought {self.since:%Y-%m-%d %H:%M} UTC")
        if self.deadline is not None and not self.is_over:
            parts.append(
                f"{'overdue since' if self.is_overdue else 'due'} {self.deadline:%Y-%m-%d %H:%M} UTC"
            )
        return "; ".join(parts)


def status_of(held: Held, shards: Sequence[Shard]) -> JobStatus:
    """Count the shards of a job as they are; nothing is asked of the server.

    Parameters
    ----------
    held : Held
    shards : sequence of Shard
        As recorded, or as just looked at.
    """
    sent = [shard for shard in shards if shard.state is not State.DROPPED]
    kept = [shard for shard in sent if shard.state is not State.GONE]
    requests = sum(shard.requests for shard in sent)
    completed = sum(shard.completed for shard in kept)
    failed = sum(min(shard.failed, shard.requests - shard.completed) for shard in kept)
    running = [shard for shard in sent if _state(shard) is JobState.RUNNING]
    over = sum(shard.requests for shard in sent if shard.state in OVER)
    pending = sum(
        max(0, shard.requests - shard.completed - shard.failed) for shard in sent if shard.state not in OVER
    )
    windows = [shard.expires_at for shard in sent if shard.expires_at is not None]
    now = held.clock.now()
    prompt_tokens, completion_tokens = _tokens(held.checkpoint, shards)
    return JobStatus(
        state=min((_state(shard) for shard in sent), key=_ORDER.index, default=JobState.EMPTY),
        requests=requests,
        completed=completed,
        failed=failed,
        pending=min(pending, requests - over),
        batches=len(sent),
        batches_over=len(sent)
        - sum(_ORDER.index(_state(shard)) < _ORDER.index(JobState.ENDED) for shard in sent),
        since=min((shard.submitted_at for shard in sent if shard.submitted_at), default=None),
        deadline=max(windows, default=None),
        is_overdue=any(shard.expires_at is not None and shard.expires_at < now for shard in running),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        server_statuses=tuple(dict.fromkeys(shard.server_status or "" for shard in running)),
        checkpoint=held.checkpoint.path,
    )


def text_of(status: JobStatus) -> str:
    """A status as a few aligned lines."""
    lines = {
        "state": f"{status.state}: {STATE_MEANINGS[status.state]}",
        "requests": f"{status.completed:,} completed, {status.failed:,} failed, {status.pending:,} pending, of {status.requests:,}",
        "batches": f"{status.batches_over} of {status.batches} over",
        "bought": None if status.since is None else f"{status.since:%Y-%m-%d %H:%M} UTC",
        "overdue since" if status.is_overdue else "due": (
            None if status.deadline is None or status.is_over else f"{status.deadline:%Y-%m-%d %H:%M} UTC"
        ),
        "tokens": f"{status.prompt_tokens:,} prompt, {status.completion_tokens:,} completion, in what is fetched",
        "checkpoint": str(status.checkpoint),
    }
    width = max(len(name) for name, value in lines.items() if value is not None)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines.items() if value is not None)


def _state(shard: Shard) -> JobState:
    """A batch that was just seen to be over has ended, although nobody has recorded it yet."""
    if shard.state is State.SUBMITTED and shard.server_status in _SERVER_OVER:
        return JobState.ENDED
    return _RANK[shard.state]


def _tokens(checkpoint: Checkpoint, shards: Sequence[Shard]) -> tuple[int, int]:
    sums = {"prompt_tokens": 0, "completion_tokens": 0}
    for shard in shards:
        if checkpoint.has_results(shard.number):
            results = checkpoint.results(shard.number, list(sums))
            for name in sums:
                sums[name] += int(pc.sum(results[name]).as_py() or 0)
    return sums["prompt_tokens"], sums["completion_tokens"]
