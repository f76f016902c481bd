"""What a parquet job did, for a person and for the program that started it."""

import datetime as dt
from dataclasses import asdict, dataclass
from pathlib import Path

from dwbatch import __version__, sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetReport:
    """What became of a parquet job.

    Parameters
    ----------
    destination : str
    files : tuple of str
        The files that were written.
    rows, ok : int
        Rows of the source, and those with an answer.
    codes : dict of str to int
        Rows that are not ok, by error code.
    duplicates : int
        Rows answered by another row's request.
    answered : int
        Distinct requests that the checkpoint had before.
    sent, resent : int
        Distinct requests that this call sent, and sent once more.
    adopted : int
        Batches taken over from the account.
    prompt_tokens, completion_tokens : int
        Of the distinct requests behind these rows, those paid for earlier included.
    checkpoint : Path or None
        Where ids and answers are kept.
    started_at, ended_at : datetime
        In UTC.

    Examples
    --------
    >>> import tempfile, pandas, dwbatch, dwbatch.local
    >>> with tempfile.TemporaryDirectory() as folder, dwbatch.local.Server() as server:
    ...     pandas.DataFrame({"text": ["lovely", "awful"]}).to_parquet(f"{folder}/in.parquet")
    ...     report = dwbatch.run_parquet(f"{folder}/in.parquet", f"{folder}/out.parquet", "{text}", model="m",
    ...                                  base_url=server.base_url, progress=False)
    >>> report.rows, report.ok, report.not_ok, report.sent
    (2, 2, 0, 2)
    """

    destination: str
    files: tuple[str, ...]
    rows: int
    ok: int
    codes: dict[str, int]
    duplicates: int
    answered: int
    sent: int
    resent: int
    adopted: int
    prompt_tokens: int
    completion_tokens: int
    checkpoint: Path | None
    started_at: dt.datetime
    ended_at: dt.datetime

    @property
    def not_ok(self) -> int:
        """Rows without an answer."""
        return self.rows - self.ok

    def __str__(self) -> str:
        files = "1 file" if len(self.files) == 1 else f"{len(self.files):,} files"
        parts = [
            sentences.rows(f"{self.rows:,} rows", ok=self.ok, not_ok=self.not_ok, counts=self.codes),
            sentences.sent(self.sent, self.resent),
            sentences.saved(duplicates=self.duplicates, answered=self.answered),
            sentences.tokens(self.prompt_tokens, self.completion_tokens),
            f"{files} in {self.destination}",
        ]
        return "; ".join(parts) + "."

    def to_dict(self) -> dict[str, object]:
        """The same as JSON says it, with the versions that made it."""
        plain = asdict(self)
        return {
            **plain,
            "files": list(self.files),
            "checkpoint": None if self.checkpoint is None else str(self.checkpoint),
            "started_at": self.started_at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
            "not_ok": self.not_ok,
            "dwbatch": __version__,
        }
