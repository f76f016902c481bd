"""One running server's parts, held together: what it keeps, what it runs, whom it serves."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from dwbatch.local.account import Account
from dwbatch.local.dialect import Dialect
from dwbatch.local.faults.board import Board
from dwbatch.local.limits import Limits
from dwbatch.local.outcomes import Bill
from dwbatch.local.replies import TooMany
from dwbatch.local.runner import Runner
from dwbatch.local.slabs import Lookup
from dwbatch.local.store import Store

ANYBODY = "user@example.org"
# Enough for any test; a server that runs for weeks does not keep all it was asked.
_REMEMBERED = 100_000
# How often the real server looks for finished batches by itself.
_SWEEP_S = 10.0


@dataclass(slots=True, kw_only=True)
class Service:
    """What every call of the API works on.

    Parameters
    ----------
    dialect : Dialect
        The API that is spoken.
    store : Store
        The memory on disk.
    runner : Runner
        What answers rows.
    account : Account
        Models on offer and the money left.
    limits : Limits
        Bounds of this server.
    keys : dict of str to str, optional
        API keys, each with its owner's address; None lets everybody in.
    spool : Path
        Folder for uploads on their way in.
    nonce : str
        Tells this start of the server from every other.
    board : Board
        Faults that are set.
    is_private : bool
        Whether only this machine can reach it, so that faults may be set over HTTP.
    answered_by : str
        What answers, in a word for people.
    populate_delay_s : float
        Time that a batch stays ``validating``, in seconds.
    """

    dialect: Dialect
    store: Store
    runner: Runner
    account: Account
    limits: Limits
    keys: dict[str, str] | None
    spool: Path
    nonce: str
    board: Board = field(default_factory=Board)
    is_private: bool = True
    answered_by: str = "echo"
    populate_delay_s: float = 0.0
    exchanges: deque[tuple[str, str, int]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    began_at: float = field(default_factory=time.time)
    last_call: float = field(default_factory=time.monotonic)
    uploading: int = 0
    waiting: int = 0
    slot_free: asyncio.Condition = field(default_factory=asyncio.Condition)
    timers: set[threading.Timer] = field(default_factory=set)

    def owner(self, request: Request) -> str:
        """Address of whoever calls.

        Raises
        ------
        Refusal
            401, if keys are configured and this call has none of them.
        """
        if self.keys is None:
            return ANYBODY
        # The real server compares the word "Bearer " letter by letter.
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or key not in self.keys:
            raise self.dialect.stranger(key)
        return self.keys[key]

    @contextlib.asynccontextmanager
    async def upload_slot(self) -> AsyncIterator[None]:
        """A turn to upload, waited for where turns are limited.

        Raises
        ------
        TooMany
            If too many wait already, or the wait was too long.
        """
        most = self.limits.concurrent_uploads
        if not most:
            yield
            return
        if self.uploading >= most:
            await self._wait_for_slot(most)
        self.uploading += 1
        try:
            yield
        finally:
            self.uploading -= 1
            async with self.slot_free:
                self.slot_free.notify()

    async def _wait_for_slot(self, most: int) -> None:
        if self.waiting >= self.limits.waiting_uploads:
            raise TooMany("Too many file uploads in progress. Please retry later.")
        self.waiting += 1
        try:
            async with asyncio.timeout(self.limits.upload_wait_s), self.slot_free:
                await self.slot_free.wait_for(lambda: self.uploading < most)
        except TimeoutError as error:
            raise TooMany("Timed out waiting for upload slot. Please retry later.") from error
        finally:
            self.waiting -= 1

    async def sweep(self) -> None:
        """Finalise batches that nobody asks after, every now and then, until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            await run_in_threadpool(self.dialect.sweep, self)

    def start(self) -> None:
        """Go on with what an earlier process left unfinished."""
        self.runner.start()
        with self.store.reading() as db:
            left = db.execute("SELECT * FROM batch WHERE populate_at IS NOT NULL").fetchall()
        for batch in left:
            self.populate_later(batch)

    def stop(self) -> None:
        """End every thread and close the store."""
        for timer in list(self.timers):
            timer.cancel()
            timer.join()
        self.runner.stop()
        self.store.close()

    def populate_later(self, batch: sqlite3.Row) -> None:
        """Make a batch's rows ready when their time has come."""
        delay_s = batch["populate_at"] - time.time()
        if delay_s <= 0:
            self._populate(batch["id"])
            return
        timer = threading.Timer(delay_s, self._populate, (batch["id"],))
        self.timers.add(timer)
        timer.start()

    def _populate(self, batch_id: str) -> None:
        with self.store.writing() as db:
            batch = db.execute("SELECT * FROM batch WHERE id = ?", (batch_id,)).fetchone()
            is_ready = self.dialect.populate(self, db, batch)
        if is_ready:
            self.runner.run(batch["seq"])

    def raw_file(self, file_id: str) -> Path:
        """Where a file is kept as it came, in a dialect that reads its lines later."""
        return self.spool / "uploads" / file_id

    def ledger(self) -> list[Bill]:
        """Every call of the model that was made, oldest first."""
        with self.store.reading() as db:
            found = db.execute(
                "SELECT batch.id, first_request + line, line + 1, bill.model, body_sha256, status_code, "
                "prompt_tokens, completion_tokens, billed_at FROM bill JOIN batch ON batch.seq = bill.batch "
                "ORDER BY bill.seq"
            ).fetchall()
            lookup = Lookup()
            return [
                Bill(batch_id, lookup.request(db, number).custom_id, *rest)
                for batch_id, number, *rest in found
            ]


def of(request: Request) -> Service:
    """The service that a call was made to."""
    service: Service = request.app.state.service
    return service
