"""What a server answered, or failed to."""

from dwbatch.errors.base import DwbatchError


class ApiError(DwbatchError):
    """The server answered with an error.

    Parameters
    ----------
    call : str
        Method and path, as in ``"POST /batches"``.
    status : int
        HTTP status.
    sentence : str
        The server's own words, whichever envelope they came in.
    retry_after_s : float, optional
        Seconds to wait, if the server named a time.
    hint : str, optional
        What a person can do about it.

    Examples
    --------
    >>> import dwbatch, dwbatch.local, pandas
    >>> frame = pandas.DataFrame({"text": ["lovely"]})
    >>> with dwbatch.local.Server(keys=["sk-right"]) as server:
    ...     try:
    ...         frame.doubleword.run("{text}", model="m", base_url=server.base_url, api_key="sk-wrong",
    ...                              checkpoint=False, progress=False)
    ...     except ApiError as error:
    ...         print(error.status)
    401
    """

    def __init__(
        self,
        call: str,
        status: int,
        sentence: str,
        retry_after_s: float | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(call, status, sentence, retry_after_s, hint)
        self.call = call
        self.status = status
        self.sentence = sentence
        self.retry_after_s = retry_after_s
        self.hint = hint

    def __str__(self) -> str:
        end = "" if self.sentence.endswith((".", "!", "?", "…")) else "."
        text = f"{self.call} was answered with {self.status}: {self.sentence}{end}"
        return f"{text} {self.hint}" if self.hint else text


class NotAnApiError(DwbatchError):
    """The address answers, but not as a batch API does.

    Parameters
    ----------
    call : str
        Method and path.
    url : str
        The full address.
    found : str
        What came back instead, in a few words.

    Examples
    --------
    >>> print(NotAnApiError("GET /batches", "https://example.com/batches", "an HTML page"))
    GET /batches at 'https://example.com/batches' answered with an HTML page, not with the batch API. The base URL is probably wrong: it ends in '/v1' for the hosted service and in '/ai/v1' for a server of your own.
    """

    def __init__(self, call: str, url: str, found: str) -> None:
        super().__init__(call, url, found)
        self.call = call
        self.url = url
        self.found = found

    def __str__(self) -> str:
        return (
            f"{self.call} at {self.url!r} answered with {self.found}, not with the batch API. "
            "The base URL is probably wrong: it ends in '/v1' for the hosted service and in '/ai/v1' "
            "for a server of your own."
        )


class TransportError(DwbatchError):
    """No answer came back, or only part of one: whether the server acted is unclear.

    Parameters
    ----------
    call : str
        Method and path, as in ``"POST /batches"``.
    reason : str
        What the network said.

    Examples
    --------
    >>> import dwbatch, pandas
    >>> frame = pandas.DataFrame({"text": ["lovely"]})
    >>> try:
    ...     frame.doubleword.run("{text}", model="m", base_url="http://127.0.0.1:9/v1", checkpoint=False, progress=False)
    ... except TransportError as error:
    ...     print(error.call)
    GET /batches
    """

    def __init__(self, call: str, reason: str) -> None:
        super().__init__(call, reason)
        self.call = call
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.call} got no answer: {self.reason}"
