"""A shard as it stands on disk: one row of ``batches.parquet``."""

import datetime as dt
from dataclasses import dataclass, fields
from enum import StrEnum


class State(StrEnum):
    """How far a shard is. Moves are listed in `dwbatch.engine.states`."""

    PLANNED = "PLANNED"
    UPLOADED = "UPLOADED"
    SUBMITTING = "SUBMITTING"
    SUBMITTED = "SUBMITTED"
    ENDED = "ENDED"
    FETCHED = "FETCHED"
    DROPPED = "DROPPED"
    GONE = "GONE"


@dataclass(frozen=True, slots=True)
class Shard:
    """Some requests that travel together: one file, one batch.

    Parameters
    ----------
    number : int
        Names its files in the checkpoint; never used twice.
    token : str
        32 random hexadecimal characters, our mark on the file and the batch.
    job : str
        Id of the call that plans or sends it.
    recipe : str
        Hash of the recipe that made its requests.
    server : str
        Identity of the server: its normalised address, or ``local``.
    state : State
    requests, bytes : int
        Size of the shard.
    endpoint, completion_window : str
    account : str or None
        Fingerprint of the key it was sent with, never the key.
    attempt : int
        How often ``POST /batches`` was made for it.
    input_file_id, batch_id, output_file_id, error_file_id : str or None
        The server's ids, as far as they are known.
    server_status : str or None
        The batch's status as last seen.
    completed, failed : int
        The batch's counts as last seen.
    planned_at, uploaded_at, submitting_at, submitted_at, ended_at, fetched_at : datetime or None
        When each state was reached, UTC.
    expires_at : datetime or None
        End of the completion window, by the server. A target, not a cut-off.
    adopted_at : datetime or None
        When this folder took it over from the account; such a batch is never cancelled from here.
    """

    number: int
    token: str
    job: str
    recipe: str
    server: str
    state: State
    requests: int
    bytes: int
    endpoint: str
    completion_window: str
    account: str | None = None
    attempt: int = 0
    input_file_id: str | None = None
    batch_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    server_status: str | None = None
    completed: int = 0
    failed: int = 0
    planned_at: dt.datetime | None = None
    uploaded_at: dt.datetime | None = None
    submitting_at: dt.datetime | None = None
    submitted_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    fetched_at: dt.datetime | None = None
    expires_at: dt.datetime | None = None
    adopted_at: dt.datetime | None = None

    @property
    def mark(self) -> str:
        """What stands in the file's name and the batch's metadata: recipe hash and token."""
        return f"{self.recipe}-{self.token}"


FIELD_NAMES = tuple(field.name for field in fields(Shard))
