"""A row on its way to a model, and back."""

import msgspec


# Made for each of a million rows, so without what makes them costly: a dict, and a place among the objects
# that Python walks through every now and then.
class Claim(msgspec.Struct, frozen=True, gc=False):
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


class Finish(msgspec.Struct, frozen=True, gc=False):
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
