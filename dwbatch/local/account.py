"""What an account may do: models on offer, a balance, volumes."""

import re
import sqlite3
import threading
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from dwbatch.local.limits import Limits, Model
from dwbatch.local.replies import Refusal, TooMany

NO_MONEY = "Account balance too low. Please add credits to continue."

_WINDOW = re.compile(r"[0-9]{1,9}[smhd]")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_CHEAPEST_WINDOW_S = 24 * 3600
_HURRY_FACTOR = 2


def window_s(window: str) -> int:
    """Length of a window such as ``24h``, in seconds."""
    return int(window[:-1]) * _UNITS_S[window[-1]]


class Account:
    """The models that may be used, and the money left to use them.

    Parameters
    ----------
    models : mapping of str to Model, optional
        Models on offer; None offers every name, of no known kind, at the usual price.
    balance : Decimal, optional
        Money left; None never runs out.
    """

    def __init__(self, models: Mapping[str, Model] | None, balance: Decimal | None) -> None:
        self.models = None if models is None else dict(models)
        self._balance = balance
        self._lock = threading.Lock()

    @property
    def balance(self) -> Decimal | None:
        """Money left, or None if it never runs out."""
        return self._balance

    @balance.setter
    def balance(self, amount: Decimal | None) -> None:
        with self._lock:
            self._balance = amount

    @property
    def can_pay(self) -> bool:
        """Whether a row may be sent to the model: the last one may take the balance below zero."""
        return self._balance is None or self._balance > 0

    def charge(self, model: str, window: str, tokens: tuple[int, int]) -> None:
        """Take the price of one answer off the balance, where money can run out at all."""
        if self._balance is None:
            return
        amount = self.cost(model, window, tokens)
        with self._lock:
            if self._balance is not None:
                self._balance -= amount

    def cost(self, model: str, window: str, tokens: tuple[int, int]) -> Decimal:
        """Price of some input and output tokens of a model in a window; 0 for a model without a price."""
        offered = Model() if self.models is None else self.models.get(model)
        if offered is None:
            return Decimal(0)
        price = Decimal(offered.input_price) * tokens[0] + Decimal(offered.output_price) * tokens[1]
        return price if _is_cheapest(window) else price * _HURRY_FACTOR


def _is_cheapest(window: str) -> bool:
    # An estimate may be asked for any word: one that has no price of its own gets the dear one, where the
    # real server falls back to that of realtime calls.
    return _WINDOW.fullmatch(window) is not None and window_s(window) >= _CHEAPEST_WINDOW_S


def check(
    db: sqlite3.Connection, account: Account, *, file: sqlite3.Row, window: str, owner: str, limits: Limits
) -> None:
    """Refuse a batch that its account or its models cannot bear, in the server's order.

    Raises
    ------
    Refusal
        400 for a model that does not offer the window or is gone; 429 for volume and capacity.
    """
    wanted: dict[str, Any] = msgspec.json.decode(file["models"])
    if account.models is not None:
        _check_models(wanted, account.models, window)
    _check_volume(db, limits, total=file["total"], window=window, owner=owner)
    if account.models is not None:
        _check_capacity(db, wanted, account.models, window, factor=limits.capacity_factor)


def _check_models(wanted: dict[str, Any], models: Mapping[str, Model], window: str) -> None:
    for name in wanted:
        windows = models[name].windows if name in models else None
        if windows == ():
            raise Refusal(400, f"Model '{name}' does not support batch processing.")
        if windows is not None and window not in windows:
            raise Refusal(
                400,
                f"Model '{name}' does not support completion window '{window}'. Allowed: {', '.join(windows)}",
            )
    gone = [name for name in wanted if name not in models]
    if gone:
        raise Refusal(400, f"The following model(s) are no longer available: {', '.join(gone)}")


def _check_volume(db: sqlite3.Connection, limits: Limits, *, total: int, window: str, owner: str) -> None:
    if not limits.unverified_per_hour:
        return
    length_s = window_s(window)
    most = limits.unverified_per_hour * length_s // 3600
    (sent,) = db.execute(
        "SELECT coalesce(sum(total), 0) FROM batch WHERE owner = ? AND completion_window = ? "
        "AND created_at > ? AND NOT is_deleted",
        (owner, window, time.time() - length_s),
    ).fetchone()
    if sent + total > most:
        raise TooMany(
            f"Unverified accounts can submit at most {most} request(s) per {window} completion window. "
            f"You have {sent} in the last {window}, so this submission of {total} would exceed the limit. "
            "Verify your account by adding a payment method or making a payment to remove this limit."
        )


def _check_capacity(
    db: sqlite3.Connection, wanted: dict[str, Any], models: Mapping[str, Model], window: str, *, factor: float
) -> None:
    pending = dict.fromkeys(wanted, 0.0)
    unfinished = db.execute(
        "SELECT models, total, completed + failed AS over FROM batch WHERE completion_window = ? "
        "AND completed + failed < total AND cancelling_at IS NULL AND NOT is_deleted",
        (window,),
    )
    for batch in unfinished:
        share = (batch["total"] - batch["over"]) / batch["total"]
        for name, figures in msgspec.json.decode(batch["models"]).items():
            if name in pending:
                pending[name] += figures["count"] * share
    full = [
        name
        for name, figures in wanted.items()
        if pending[name] + figures["count"] > int(models[name].requests_per_s * window_s(window) * factor)
    ]
    if full:
        raise TooMany(
            f"Insufficient capacity for {window} completion window. The following models are currently at "
            f"capacity: {', '.join(full)}. Try again later or use a longer completion window."
        )
