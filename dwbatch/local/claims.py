"""A row on its way to a model, and back."""

from typing import NamedTuple


class Claim(NamedTuple):
    """A row taken up to be answered."""

    batch: int
    epoch: int
    line: int
    row_id: str
    custom_id: str
    url: str
    window: str
    body: bytes
    deadline: float | None = None
    attempt: int = 0


class Finish(NamedTuple):
    """How a row ended, ready to be stored."""

    claim: Claim
    kind: int
    status_code: int
    body: bytes
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    body_sha256: str = ""
    finished_at: float = 0.0
    duration_ms: float = 0.0
    is_billed: bool = True
    again_in_s: float | None = None
