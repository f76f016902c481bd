"""What comes back: the closed sets of statuses and error codes, each with its meaning."""

from enum import StrEnum


class Status(StrEnum):
    """How a row ended. Every row of a result has exactly one.

    Examples
    --------
    >>> Status("ok") is Status.OK
    True
    >>> "truncated" == Status.TRUNCATED
    True
    """

    OK = "ok"
    TRUNCATED = "truncated"
    FILTERED = "filtered"
    INVALID = "invalid"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    MISSING = "missing"
    SKIPPED = "skipped"
    PENDING = "pending"


STATUS_MEANINGS: dict[Status, str] = {
    Status.OK: "answered",
    Status.TRUNCATED: "ran into the token limit",
    Status.FILTERED: "refused by the model or stopped by a content filter",
    Status.INVALID: "answered, but the answer does not fit the response format",
    Status.FAILED: "the model or the server reported an error",
    Status.CANCELLED: "its batch was cancelled before this row was answered",
    Status.EXPIRED: "the server said that the completion window ended first",
    Status.MISSING: "its batch is over and the server has no line for this row",
    Status.SKIPPED: "never sent, because the row cannot make a request",
    Status.PENDING: "not answered yet (only in partial frames)",
}

# Among several results for one request the best stands: an answer that was
# paid for is never hidden by a later failure.
STATUS_RANK: dict[Status, int] = {
    status: rank
    for rank, status in enumerate(
        (
            Status.OK,
            Status.TRUNCATED,
            Status.FILTERED,
            Status.INVALID,
            Status.FAILED,
            Status.EXPIRED,
            Status.CANCELLED,
            Status.MISSING,
            Status.SKIPPED,
            Status.PENDING,
        )
    )
}


class ErrorCode(StrEnum):
    """Why a row is not ok. Besides these, ``http_400`` to ``http_599``: the upstream's own status.

    Examples
    --------
    >>> ERROR_CODE_MEANINGS[ErrorCode.MAX_TOKENS]
    'the answer was cut at the token limit'
    """

    INSUFFICIENT_CREDITS = "insufficient_credits"
    NETWORK_ERROR = "network_error"
    TIMEOUT = "timeout"
    UNKNOWN_ERROR = "unknown_error"
    BATCH_FAILED = "batch_failed"
    BATCH_CANCELLED = "batch_cancelled"
    BATCH_EXPIRED = "batch_expired"
    BATCH_GONE = "batch_gone"
    NO_RESULT_LINE = "no_result_line"
    MALFORMED_LINE = "malformed_line"
    EMPTY_ANSWER = "empty_answer"
    MAX_TOKENS = "max_tokens"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    INVALID_JSON = "invalid_json"
    SCHEMA_MISMATCH = "schema_mismatch"
    NULL_INPUT = "null_input"
    REQUEST_TOO_LARGE = "request_too_large"
    UNENCODABLE_INPUT = "unencodable_input"
    UNREADABLE_IMAGE = "unreadable_image"


ERROR_CODE_MEANINGS: dict[ErrorCode, str] = {
    ErrorCode.INSUFFICIENT_CREDITS: "the account ran out of credits before this row (402)",
    ErrorCode.NETWORK_ERROR: "the server could not reach the model, or lost it half-way",
    ErrorCode.TIMEOUT: "the model did not answer the server in time",
    ErrorCode.UNKNOWN_ERROR: "the server reported an error in words that are not its usual ones",
    ErrorCode.BATCH_FAILED: "the batch failed as a whole, or ended before this row",
    ErrorCode.BATCH_CANCELLED: "the batch was cancelled before this row",
    ErrorCode.BATCH_EXPIRED: "the batch expired before this row, by the server's own word",
    ErrorCode.BATCH_GONE: "the server no longer knows the batch",
    ErrorCode.NO_RESULT_LINE: "the batch is over and neither result file names this row",
    ErrorCode.MALFORMED_LINE: "the result line of this row is not valid JSON or not a result",
    ErrorCode.EMPTY_ANSWER: "the model returned an empty answer",
    ErrorCode.MAX_TOKENS: "the answer was cut at the token limit",
    ErrorCode.CONTENT_FILTER: "a content filter stopped the answer",
    ErrorCode.REFUSAL: "the model declined to answer",
    ErrorCode.INVALID_JSON: "the answer is not JSON",
    ErrorCode.SCHEMA_MISMATCH: "the answer is JSON but not of the asked shape",
    ErrorCode.NULL_INPUT: "a column that the prompt names is null in this row",
    ErrorCode.REQUEST_TOO_LARGE: "the request alone is larger than a batch may be",
    ErrorCode.UNENCODABLE_INPUT: "the row makes no request: no messages, a callable that raised, or no valid text",
    ErrorCode.UNREADABLE_IMAGE: "the image is missing or cannot be read",
}


class Kind(StrEnum):
    """Kinds of rows that may be sent again; ``retry=`` names them."""

    TRANSIENT = "transient"
    FAILED = "failed"
    INVALID = "invalid"
    TRUNCATED = "truncated"
    MISSING = "missing"
    CANCELLED = "cancelled"


def http_code(status: int) -> str:
    """Error code of a row that failed upstream with an HTTP status.

    Parameters
    ----------
    status : int
        HTTP status, 400 to 599.

    Returns
    -------
    str
        ``insufficient_credits`` for 402, else ``http_`` and the status.

    Examples
    --------
    >>> http_code(429)
    'http_429'
    >>> http_code(402)
    'insufficient_credits'
    """
    # 402 alone has a name of its own: nothing is wrong with the row, and a
    # top-up mends it.
    return ErrorCode.INSUFFICIENT_CREDITS.value if status == 402 else f"http_{status}"  # noqa: PLR2004
