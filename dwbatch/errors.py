"""What can go wrong, as one tree of exceptions.

DwbatchError
├── InputError (ValueError)          wrong input; nothing was sent
│   └── UnknownParameterError (TypeError)
├── CredentialsError                 no key, or a key that cannot be sent; nothing was sent
├── CheckpointError                  the folder cannot be used as it is
│   └── CheckpointLockedError        another call holds it
├── ApiError                         the server answered, and the answer is an error
├── NotAnApiError                    something answered that is not this API
├── TransportError                   no answer, or half of one: what happened is unclear
├── CostLimitError                   what is to be bought costs more than max_cost allows, or nobody knows
├── RowsFailedError                  some rows are not ok, and the caller wanted that raised
├── JobStoppedError                  waiting is pointless until somebody acts
└── JobTimeoutError (TimeoutError)   the time given is over; the job runs on
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Self


class DwbatchError(Exception):
    """Base of every exception that this library raises on purpose."""


class InputError(DwbatchError, ValueError):
    """Wrong input, found before anything was sent.

    Parameters
    ----------
    message : str
        What is wrong, where, and the fix.
    """

    @classmethod
    def nothing_sent(cls, message: str) -> Self:
        """An error whose sentence ends by saying that nothing was sent."""
        return cls(f"{message} Nothing was sent.")


class UnknownParameterError(InputError, TypeError):
    """A keyword that the call does not know."""


class CredentialsError(DwbatchError):
    """No key was found, or the one found cannot be sent safely."""


class CheckpointError(DwbatchError):
    """The checkpoint folder cannot be used as it is; nothing in it was changed.

    Parameters
    ----------
    path : Path or str
        The file or folder in question; of an object store its URI.
    message : str
        What is wrong with it and what to do.
    """

    def __init__(self, path: Path | str, message: str) -> None:
        super().__init__(path, message)
        self.path = path
        self.message = message

    def __str__(self) -> str:
        return f"{str(self.path)!r}: {self.message}"


class CheckpointLockedError(CheckpointError):
    """Another call holds the checkpoint and did not let go in time."""


class TransportError(DwbatchError):
    """No answer came back, or only part of one: whether the server acted is unclear.

    Parameters
    ----------
    call : str
        Method and path, as in ``"POST /batches"``.
    reason : str
        What the network said.
    """

    def __init__(self, call: str, reason: str) -> None:
        super().__init__(call, reason)
        self.call = call
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.call} got no answer: {self.reason}"


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


class CostLimitError(DwbatchError):
    """Nothing more is bought: it would cost more than ``max_cost``, or the server does not say what.

    The files stay at the server, so that a call with a higher limit does not upload them again.

    Parameters
    ----------
    limit : Decimal
        What the call may cost.
    estimated : Decimal or None
        What the server expects the purchase to cost; None where it gives no price.
    spent : Decimal
        The same of what this call has bought before.
    requests : int
        How many would be bought.
    window : str
        Completion window for which the price was asked.
    models : mapping of str to Decimal or None
        `estimated` by model.
    waiting : int
        How many requests more wait behind them, not priced.
    """

    def __init__(
        self,
        limit: Decimal,
        estimated: Decimal | None,
        spent: Decimal,
        requests: int,
        window: str,
        models: Mapping[str, Decimal | None],
        waiting: int = 0,
    ) -> None:
        super().__init__(limit, estimated, spent, requests, window, models, waiting)
        self.limit = limit
        self.estimated = estimated
        self.spent = spent
        self.requests = requests
        self.window = window
        self.models = models
        self.waiting = waiting

    def __str__(self) -> str:
        told = self._told()
        return f"{told} {self.waiting:,} requests more wait behind them." if self.waiting else told

    def _told(self) -> str:
        before = "Nothing was bought"
        if self.spent:
            before = f"What this call has bought before, for about {self.spent:f}, is kept"
        if self.estimated is None:
            unknown = ", ".join(repr(name) for name, cost in self.models.items() if cost is None)
            return (
                f"The server gives no price{f' of {unknown}' if unknown else ''} for the {self.window} window (0 would "
                f"not mean free), so max_cost={self.limit:f} cannot be kept to for {self.requests:,} requests. {before}; "
                "the files are uploaded. Leave max_cost= out to buy them without a limit."
            )
        parts = ", ".join(f"{name}: {cost:f}" for name, cost in self.models.items() if cost is not None)
        return (
            f"{self.requests:,} requests would cost about {self.estimated:f} by the server's estimate ({parts}), more "
            f"than max_cost={self.limit:f} leaves. {before}; the files are uploaded, and the same call with a higher "
            "max_cost= buys them without another upload."
        )


class RowsFailedError(DwbatchError):
    """Some rows are not ok, and the call said ``errors="raise"``. Every answer is in `frame`.

    Parameters
    ----------
    frame : DataFrame, or a frame of the kind that was given
        What the call would have returned.
    codes : mapping of str to int
        Rows that failed, by error code.
    """

    def __init__(self, frame: Any, codes: Mapping[str, int], rows: int | None = None) -> None:
        # Not the frame: an exception's arguments are shown in its repr, and so in logs.
        super().__init__(codes)
        self.frame = frame
        self.codes = codes
        # A stream, for one, does not know its length.
        self._rows = len(frame) if rows is None else rows

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} {code}" for code, count in self.codes.items())
        return (
            f"{sum(self.codes.values()):,} of {self._rows:,} rows are not ok ({told}). Every answer is kept, and "
            "stands with the reasons in the frame of this error (error.frame); retry= names what the same call "
            "sends again."
        )

    def __reduce__(self) -> tuple[type[Self], tuple[Any, Mapping[str, int], int]]:
        return type(self), (self.frame, self.codes, self._rows)


class JobStoppedError(DwbatchError):
    """The job cannot go on until somebody acts; what was bought and fetched is kept.

    Parameters
    ----------
    message : str
        What stopped it, what is kept, and what to do.
    """


class JobTimeoutError(DwbatchError, TimeoutError):
    """The time given to a call is over; the batches run on and nothing is lost.

    Parameters
    ----------
    message : str
        How far the job is and how to go on.
    checkpoint : Path, optional
        Its folder.

    Attributes
    ----------
    job : dwbatch.Job or None
        The job in the hand, to be waited for or cancelled. It does not travel to another process, since
        it knows a key: attach the checkpoint there.
    """

    def __init__(self, message: str, checkpoint: Path | None = None) -> None:
        super().__init__(message, checkpoint)
        self.message = message
        self.checkpoint = checkpoint
        self.job: Any = None

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[type[Self], tuple[str, Path | None]]:
        return type(self), (self.message, self.checkpoint)


def first_line(error: BaseException, *, most: int = 300) -> str:
    """What an error of another library says, short enough for a sentence of ours."""
    return (str(error).splitlines() or [type(error).__name__])[0][:most]
