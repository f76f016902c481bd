"""The server's objects, read leniently: null and absent alike, unknown statuses kept."""

from decimal import Decimal
from typing import ClassVar, Generic, TypeVar

import msgspec

from dwbatch.errors import NotAnApiError

T = TypeVar("T")


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file on the server.

    ``created_at`` is when its upload *began*, in seconds since 1970 (recorded); ``bytes`` of an output or
    error file is an estimate.
    """

    KIND: ClassVar[str] = "file"

    id: str
    filename: str | None = None
    bytes: int | None = None
    created_at: float | None = None
    expires_at: float | None = None
    purpose: str | None = None


class RequestCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many requests of a batch there are, and ended. They may go backwards."""

    total: int | None = None
    completed: int | None = None
    failed: int | None = None


class BatchError(msgspec.Struct, frozen=True, kw_only=True):
    """One complaint about a batch as a whole, in the OpenAI dialect."""

    message: str | None = None
    code: str | None = None
    line: int | None = None
    param: str | None = None


class BatchErrors(msgspec.Struct, frozen=True, kw_only=True):
    """The complaints about a batch as a whole. The hosted service sends none."""

    data: list[BatchError] | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as the server shows it at this moment. All times are seconds since 1970.

    ``status`` is in lower case and may be a word that this library does not know. ``expired_at``
    stands on any batch past its deadline, running or not, and ends nothing. ``input_file_id`` is
    empty once the input file was deleted. ``metadata`` comes back with foreign keys in it.
    """

    KIND: ClassVar[str] = "batch"

    id: str
    status: str
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    endpoint: str | None = None
    completion_window: str | None = None
    created_at: float | None = None
    expires_at: float | None = None
    in_progress_at: float | None = None
    finalizing_at: float | None = None
    completed_at: float | None = None
    failed_at: float | None = None
    expired_at: float | None = None
    cancelling_at: float | None = None
    cancelled_at: float | None = None
    request_counts: RequestCounts | None = None
    metadata: dict[str, object] | None = None
    errors: BatchErrors | None = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "status", self.status.lower())


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list, newest first."""

    data: list[T]
    has_more: bool | None = None


class CostEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What the server expects a file to cost, in its credits (US dollars at the hosted service).

    Input tokens are bytes / 4, output tokens the mean of the model's last answers; a model without
    a price counts as 0, so 0 does not mean free (recorded).
    """

    total_estimated_cost: Decimal
    total_requests: int | None = None
    total_estimated_input_tokens: int | None = None
    total_estimated_output_tokens: int | None = None
    models: list["ModelEstimate"] | None = None


class ModelEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """One model's part of a `CostEstimate`."""

    model: str
    request_count: int | None = None
    estimated_input_tokens: int | None = None
    estimated_output_tokens: int | None = None
    estimated_cost: Decimal | None = None


class Analytics(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch used so far; the counts may lag behind its completion.

    ``total_cost`` is what was billed, ``total_list_cost`` the same before discounts.
    """

    total_requests: int
    total_prompt_tokens: int | None = None
    total_completion_tokens: int | None = None
    total_reasoning_tokens: int | None = None
    total_tokens: int | None = None
    total_cost: Decimal | None = None
    total_list_cost: Decimal | None = None


class _Kind(msgspec.Struct, frozen=True):
    object: str


def decode(body: bytes, kind: type[T], *, named: str | None, call: str, url: str) -> T:
    """Read one object of the API.

    Parameters
    ----------
    body : bytes
        The reply's body.
    kind : type
        `File`, `Batch`, or a `Page` of them.
    named : str or None
        What its field ``object`` must say; None for the few that have none.
    call, url : str
        For the message.

    Raises
    ------
    NotAnApiError
        If the body is not JSON, or not this object. The message repeats nothing of the body.

    Notes
    -----
    Next to the API, the same host serves a web page at every other path with status 200 (recorded), so a
    reply is believed only when it says what it is.
    """
    if named is not None and _parse(body, _Kind, call, url).object != named:
        raise NotAnApiError(call, url, f"JSON that does not call itself a {named!r}")
    return _parse(body, kind, call, url)


def _parse(body: bytes, kind: type[T], call: str, url: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except msgspec.ValidationError as error:
        raise NotAnApiError(call, url, f"JSON of another shape ({error})") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotAnApiError(call, url, "a body that is not JSON") from error
