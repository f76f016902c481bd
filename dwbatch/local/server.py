"""A batch server in a thread of this process, for tests, demonstrations and work without a key."""

import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from dwbatch.local import answering, app
from dwbatch.local.account import Account
from dwbatch.local.addresses import is_loopback
from dwbatch.local.dialect import Dialect
from dwbatch.local.doubleword import Doubleword
from dwbatch.local.faults.board import Board
from dwbatch.local.faults.setting import Faults
from dwbatch.local.limits import Limits, Model
from dwbatch.local.listener import Listener
from dwbatch.local.openai.dialect import LIMITS as OPENAI_LIMITS
from dwbatch.local.openai.dialect import OpenAI
from dwbatch.local.outcomes import Answer, Bill, Script
from dwbatch.local.pace import Pace
from dwbatch.local.remote import RemoteModel
from dwbatch.local.retrying import Retry
from dwbatch.local.runner import Runner
from dwbatch.local.service import ANYBODY, Service
from dwbatch.local.store import Store
from dwbatch.local.upstream import Upstream

STORE_NAME = "store.sqlite"
DEFAULT_CONCURRENCY = 16


class Server:
    """A batch server on this machine, started by ``with`` and stopped at its end.

    Parameters
    ----------
    folder : path, optional
        Where files, batches and results are kept. None is a temporary folder, removed at the end.
    port : int
        Port to listen on; 0 takes a free one.
    host : str
        Address to listen on.
    answer : "echo" or callable
        What answers requests: ``"echo"`` says the last message again; a callable gets the request's body
        (keys sorted) and returns a text, a whole response body, a `Reply` or an `Outcome`.
    outcomes : mapping or callable, optional
        Scripted ends of single requests: by custom_id, or a callable of custom_id and body that returns an
        `Outcome` or None.
    upstream : str, optional
        Address of an OpenAI-compatible realtime endpoint that answers instead, up to and with ``/v1``.
    upstream_key : str, optional
        API key for it.
    delay_s : float
        Time that each answer takes, in seconds.
    pace : Pace, optional
        How long answers take, where `delay_s` says too little.
    retry : Retry, optional
        When a row that failed for a while is tried again. By default failures of an `upstream` are, as on the
        real server, and those of scripts and callables are final.
    concurrency : int
        Most requests answered at one time, where answers take time.
    limits : Limits, optional
        Bounds of the server; the real server's defaults if left out.
    models : mapping of str to Model, optional
        Models on offer; None accepts every name.
    balance : Decimal, int or str, optional
        Money to begin with; rows fail with 402 once it is spent. None never runs out.
    keys : sequence or mapping of str, optional
        API keys that are let in, or a mapping of each to its owner's address; None lets everybody in.
    populate_delay_s : float
        Time that a new batch stays ``validating``, in seconds.
    dialect : "doubleword" or "openai"
        The API that is spoken.
    is_open : bool
        Whether `host` may be an address that other machines can reach.
    mounts : sequence of str
        Path prefixes under which the API is found.

    Examples
    --------
    >>> with Server() as server:
    ...     server.exchanges()
    []
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        answer: Literal["echo"] | Answer = "echo",
        upstream: str | None = None,
        upstream_key: str | None = None,
        outcomes: Script | None = None,
        delay_s: float = 0.0,
        pace: Pace | None = None,
        retry: Retry | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        limits: Limits | None = None,
        models: Mapping[str, Model] | None = None,
        balance: Decimal | int | str | None = None,
        keys: Sequence[str] | Mapping[str, str] | None = None,
        populate_delay_s: float = 0.0,
        dialect: Literal["doubleword", "openai"] = "doubleword",
        is_open: bool = False,
        mounts: Sequence[str] = app.MOUNTS,
        nonce: str = "",
    ) -> None:
        if not is_open and not is_loopback(host):
            raise ValueError(
                f"host={host!r} lets other machines in. Say is_open=True (--open) if it should, and give keys (--key)."
            )
        self._folder = Path(folder) if folder is not None else None
        self._address = (host, port)
        self._account = Account(models, None if balance is None else Decimal(balance))
        self._board = Board()
        self._faults = Faults(self._board)
        self._remote = (
            None if upstream is None else RemoteModel(upstream, key=upstream_key, connections=concurrency)
        )
        self._answered_by = upstream or ("echo" if answer == "echo" else "a callable")
        self._upstream = Upstream(
            answering.chosen(answer, self._remote),
            outcomes=outcomes,
            pace=pace or Pace(latency_s=delay_s),
            retry=retry or (Retry() if upstream is not None else None),
            account=self._account,
            board=self._board,
        )
        self._concurrency = concurrency
        self._dialect: Dialect = OpenAI() if dialect == "openai" else Doubleword()
        self._limits = limits or (OPENAI_LIMITS if dialect == "openai" else Limits())
        self._keys = _owners(keys)
        self._populate_delay_s = populate_delay_s
        self._mounts = tuple(mounts)
        self._nonce = nonce or secrets.token_hex(16)
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._service: Service | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen and serve, in a thread of its own, until `stop`.

        Raises
        ------
        OSError
            If the port is taken.
        """
        # Bound here and not by uvicorn, so that a taken port is this caller's
        # exception and a free one is known before the first call.
        self._socket = socket.create_server(self._address, backlog=2048)
        # asyncio sets this only on sockets that name their protocol; without it
        # every reply waits 40 ms for the client's delayed acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._service = self._make_service()
        self._listener = Listener(app.build(self._service, self._mounts), self._socket)
        try:
            self._listener.start()
        except RuntimeError:
            self._forget_folder()
            raise

    def stop(self) -> None:
        """Stop serving; what is stored stays, unless the folder was temporary."""
        self._board.close()
        self._listener.stop()
        if self._remote is not None:
            self._remote.close()
        self._forget_folder()

    def _forget_folder(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def base_url(self) -> str:
        """Address of the API, such as ``"http://127.0.0.1:49152/v1"``."""
        return f"http://{self._address[0]}:{self.port}{self._mounts[-1]}"

    @property
    def port(self) -> int:
        """Port that the server listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def nonce(self) -> str:
        """Word that tells this start from every other."""
        return self._nonce

    def idle_s(self) -> float:
        """Seconds since the last call, 0 while rows are being answered."""
        service = self._running()
        return 0.0 if service.runner.is_busy else time.monotonic() - service.last_call

    @property
    def faults(self) -> Faults:
        """What is to go wrong; nothing, at first."""
        return self._faults

    @property
    def balance(self) -> Decimal | None:
        """Money left, or None if it never runs out; set it to top up or to run dry."""
        return self._account.balance

    @balance.setter
    def balance(self, amount: Decimal | None) -> None:
        self._account.balance = amount

    def offer(self, name: str, model: Model) -> None:
        """Put a model on offer from now on, or change one that is.

        Parameters
        ----------
        name : str
            Its name in requests.
        model : Model
            What it is.
        """
        if self._account.models is None:
            self._account.models = {}
        self._account.models[name] = model

    def wait_until(self, check: Callable[[], bool], *, timeout_s: float = 30.0) -> None:
        """Wait, without polling, until `check` comes true.

        Parameters
        ----------
        check : callable
            Asked at once, and again whenever results were stored.
        timeout_s : float
            Longest wait, in seconds.

        Raises
        ------
        TimeoutError
            If it did not come true in time.
        """
        if not self._running().runner.wait_until(check, timeout_s):
            raise TimeoutError(f"What was waited for did not come true within {timeout_s:g} s.")

    def ledger(self) -> list[Bill]:
        """Every call of the model that was made and billed, oldest first."""
        return self._running().ledger()

    def exchanges(self) -> list[tuple[str, str, int]]:
        """Method, path and status of exchanges so far; status 0 where a fault left the client with none."""
        return list(self._running().exchanges)

    def _running(self) -> Service:
        if self._service is None:
            raise RuntimeError("The server was not started: use it in a `with` block, or call start().")
        return self._service

    def _make_service(self) -> Service:
        folder = self._folder
        if folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="dwbatch-local-")
            folder = Path(self._temporary.name)
        folder.mkdir(parents=True, exist_ok=True)
        store = Store(folder / STORE_NAME)
        return Service(
            dialect=self._dialect,
            store=store,
            runner=Runner(store, self._upstream, self._concurrency),
            limits=self._limits,
            account=self._account,
            keys=self._keys,
            spool=folder,
            nonce=self._nonce,
            board=self._board,
            answered_by=self._answered_by,
            is_private=is_loopback(self._address[0]),
            populate_delay_s=self._populate_delay_s,
        )


def _owners(keys: Sequence[str] | Mapping[str, str] | None) -> dict[str, str] | None:
    if keys is None:
        return None
    return dict(keys) if isinstance(keys, Mapping) else dict.fromkeys(keys, ANYBODY)
