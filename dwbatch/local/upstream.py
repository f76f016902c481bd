"""The model behind the server: a request goes in, the end of its row comes out."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from dwbatch.local import plain_echo
from dwbatch.local.account import NO_MONEY, Account
from dwbatch.local.answering import Model, echo_model
from dwbatch.local.claims import Claim, Finish
from dwbatch.local.faults.board import Board
from dwbatch.local.faults.kinds import FailRows
from dwbatch.local.outcomes import Outcome, Script
from dwbatch.local.pace import Pace, Turnstile
from dwbatch.local.retrying import Retry
from dwbatch.local.settling import Settled, billed, http_failure, settle
from dwbatch.local.views import ERROR

_read_body = msgspec.json.Decoder().decode

logger = logging.getLogger(__name__)


class Upstream:
    """Answers claims by script or by a model, at the pace of that model.

    Parameters
    ----------
    model : callable
        What answers.
    outcomes : mapping or callable, optional
        Ends of single requests, by custom_id; what it does not name is answered.
    pace : Pace
        How long that takes.
    retry : Retry, optional
        When a failure is tried again; None makes every failure final.
    account : Account
        Who pays.
    board : Board
        Faults that may befall a row.
    """

    def __init__(
        self,
        model: Model,
        *,
        outcomes: Script | None,
        pace: Pace,
        retry: Retry | None,
        account: Account,
        board: Board,
    ) -> None:
        self._model = model
        self._outcomes = outcomes
        self._pace = pace
        self._turnstile = Turnstile(pace.requests_per_s)
        self._retry = retry
        self._account = account
        self._board = board
        self._stopping = threading.Event()

    @property
    def is_instant(self) -> bool:
        """Whether answers cost no time, so that rows can be answered many in a row."""
        # A script that is a callable may take as long as it likes.
        is_listed = self._outcomes is None or isinstance(self._outcomes, Mapping)
        return self._model is echo_model and self._pace.is_instant and is_listed

    def stop(self) -> None:
        """Let every answer that is being delayed come at once."""
        self._stopping.set()

    def call_all(self, claims: list[Claim]) -> list[Finish]:
        """Answer claims one after the other; never raises."""
        # What is asked of each row below has one answer for all of them, on most days.
        is_usual = self.is_instant and self._outcomes is None and self._account.balance is None
        if not is_usual or self._board.armed(FailRows):
            return [self.call(claim) for claim in claims]
        return [plain_echo.finish(claim) or self.call(claim) for claim in claims]

    def call(self, claim: Claim) -> Finish:
        """Answer one claim; never raises."""
        refused = self._refused(claim)
        if refused is not None:
            return refused
        began = time.monotonic()
        self._pause(self._turnstile.wait_s())
        body = _read_body(claim.body)
        settled = self._settled(claim, body)
        if settled.is_retriable and self._retry is not None:
            wait_s = self._retry.wait_s(claim.attempt, deadline=claim.deadline)
            if wait_s is not None:
                logger.info(
                    "row %s: attempt %d failed, again in %g s", claim.row_id, claim.attempt + 1, wait_s
                )
                return Finish(claim, settled.kind, settled.status_code, settled.stored, again_in_s=wait_s)
        self._pause(self._pace.duration_s(claim.row_id, settled.tokens[1]))
        model = body["model"]
        self._account.charge(model, claim.window, settled.tokens)
        return billed(claim, settled, model, duration_ms=(time.monotonic() - began) * 1000)

    def _pause(self, wait_s: float) -> None:
        # To wait for no time at all still takes two locks, for each of a million rows.
        if wait_s > 0:
            self._stopping.wait(wait_s)

    def _refused(self, claim: Claim) -> Finish | None:
        """The end of a row that never gets to the model."""
        if not self._account.can_pay:
            return _unbilled(claim, 402, NO_MONEY)
        for armed in self._board.armed(FailRows):
            if self._board.take(armed, f"row {claim.custom_id}"):
                return _unbilled(claim, armed.fault.status, armed.fault.body)
        return None

    def _settled(self, claim: Claim, body: dict[str, Any]) -> Settled:
        # The callables are the user's, and so is what they return: whatever goes
        # wrong in them is one failed row, as a model that breaks down would be.
        try:
            return settle(self._scripted(claim.custom_id, body) or self._model(claim, body), claim, body)
        except Exception as error:  # noqa: BLE001 - the user's own code, see above
            logger.warning("row %s: the answer callable raised %s", claim.row_id, type(error).__name__)
            broken = Outcome.status(500, {"error": {"message": repr(error), "type": "answer_error"}})
            return settle(broken, claim, body)

    def _scripted(self, custom_id: str, body: dict[str, Any]) -> Outcome | None:
        if self._outcomes is None:
            return None
        if isinstance(self._outcomes, Mapping):
            return self._outcomes.get(custom_id)
        return self._outcomes(custom_id, body)


def _unbilled(claim: Claim, status_code: int, body: str) -> Finish:
    return Finish(claim, ERROR, status_code, http_failure(status_code, body), is_billed=False)
