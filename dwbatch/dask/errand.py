"""A step of the engine taken on a worker: what travels there, what comes back, and how it is taken.

The step is the engine's own, at a desk made anew from what travelled. Taken twice, one after the other or at the
same time, it leaves the same: an upload that is there already is adopted, files are written under a name of their
own and renamed, and what a worker reports counts only when the client has written it down.
"""

import tempfile
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Self

from distributed import get_worker

from dwbatch.checkpoint.disk import PARTIAL, Disk
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.lock import signature
from dwbatch.checkpoint.shard import Shard
from dwbatch.checkpoint.store import Store, refuse_unseen
from dwbatch.dask.keys import key_here, refuse_another
from dwbatch.dask.partitions import Cells, CellsSource, Places, Sealed
from dwbatch.engine.clock import Clock, Pace
from dwbatch.engine.desk import Desk, Limits, Memory, Order, Outcome, Tally
from dwbatch.engine.goal import Step
from dwbatch.errors import CheckpointError
from dwbatch.prompts.requests import Recipe
from dwbatch.wire.client import Client


@dataclass(frozen=True, slots=True)
class Where:
    """How a worker finds checkpoint and server; nothing in it is secret, since it travels in graphs.

    Parameters
    ----------
    folder : str
        The checkpoint.
    store : Store or None
        Where its tables stand, if not in the folder; then a worker needs no more of it.
    signed : str or None
        With what the client has signed the lock: by it a worker knows the very folder.
    server, address : str
        Identity of the server, and where it is spoken to.
    account : str or None
        Fingerprint of the client's key.
    """

    folder: str
    store: Store | None
    signed: str | None
    server: str
    address: str
    account: str | None

    @classmethod
    def of(cls, desk: Desk) -> Self:
        """Where a desk's are."""
        path = desk.checkpoint.path
        return cls(
            folder=str(path),
            store=desk.checkpoint.store,
            signed=signature(path),
            server=desk.order.server,
            address=desk.client.base_url,
            account=desk.order.account,
        )

    def key(self, *, worker: object) -> str | None:
        """The worker's key, once folder and key are known to be those of the call.

        Raises
        ------
        CheckpointError, CredentialsError
            If they are not.
        """
        where = str(getattr(worker, "address", "of this process"))
        self._refuse_unseen(where)
        key = key_here(self.server, worker=worker)
        refuse_another(key, self.account, where=where)
        return key

    def _refuse_unseen(self, where: str) -> None:
        if self.store is not None:
            refuse_unseen(self.store, by=f"the worker {where}")
            return
        path = Path(self.folder)
        if not (path / "recipe.json").exists() or signature(path) != self.signed:
            raise CheckpointError(
                path,
                f"the worker {where} does not see the folder as the client does. Nothing was sent by it. Give as "
                "checkpoint= a folder that every worker and the client share, under the same path, or a store.",
            )


@dataclass(frozen=True, slots=True)
class Errand:
    """A step to be taken on a worker.

    Parameters
    ----------
    step : callable
    where : Where
    shard : Shard
    order : Order
    limits : Limits
    pace : Pace
    memory : Memory
        A copy of the client's.
    has_ended : bool
        Whether the shard came to its end during this call.
    refusals : int
        As in `Tally`.
    now_s : float
        On the client's monotonic clock.
    recipe, places
        What the request lines are made of; None where none are.
    """

    step: Step
    where: Where
    shard: Shard
    order: Order
    limits: Limits
    pace: Pace
    memory: Memory
    has_ended: bool
    refusals: int
    now_s: float
    recipe: Recipe | None = None
    places: Places | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What a step made of a shard, and what it learnt on the way."""

    outcome: Outcome
    memory: Memory
    refusals: int


class OwnNames(Disk):
    """Effects on a disk that others write to as well: nobody else's half-written file has our name."""

    def __init__(self) -> None:
        self._mark = uuid.uuid4().hex

    def write(self, path: Path, fill: Callable[[BinaryIO], None]) -> None:
        """Write a temporary file whole and sync it."""
        super().write(self._own(path), fill)

    def rename(self, old: Path, new: Path) -> None:
        """Put a file in another's place at once."""
        super().rename(self._own(old), new)

    def _own(self, path: Path) -> Path:
        return path.with_name(f"{path.name.removesuffix(PARTIAL)}.{self._mark}{PARTIAL}")


class FarCheckpoint(Checkpoint):
    """The checkpoint as a worker uses it: request files stand in a folder of the worker's own."""

    def __init__(self, path: Path, uploads: Path, store: Store | None) -> None:
        super().__init__(path, OwnNames(), store)
        self._uploads = uploads

    def upload_path(self, number: int) -> Path:
        """Where a shard's JSONL stands until its upload is verified."""
        return self._uploads / f"{number:05d}.jsonl"


class FarClock(Clock):
    """A clock that goes on from where another machine's stood."""

    def __init__(self, now_s: float) -> None:
        self._ahead_s = now_s - super().monotonic()

    def monotonic(self) -> float:
        """Seconds on the client's clock, later by the time that the errand took to arrive."""
        return super().monotonic() + self._ahead_s


def run_errand(sealed: Sealed, pieces: Sequence[Cells]) -> Report:
    """Take a step here.

    Parameters
    ----------
    sealed : Sealed of Errand
    pieces : sequence of Cells
        The cells of each partition that the shard sends; empty for a step that sends none.

    Raises
    ------
    CheckpointError, CredentialsError
        If this worker lacks the folder or the key.
    """
    errand: Errand = sealed.content
    key = errand.where.key(worker=get_worker())
    stopping = threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="dwbatch-") as uploads,
        Client(errand.where.address, key, stopping=stopping) as client,
    ):
        # A copy: where the worker is a thread of the client, the errand is not its own.
        memory = replace(errand.memory)
        desk = Desk(
            checkpoint=FarCheckpoint(Path(errand.where.folder), Path(uploads), errand.where.store),
            client=client,
            source=_source(errand, pieces),
            order=errand.order,
            limits=errand.limits,
            clock=FarClock(errand.now_s),
            pace=errand.pace,
            stopping=stopping,
            tally=Tally(ended={errand.shard.number} if errand.has_ended else set(), refusals=errand.refusals),
            say=_unheard,
            memories={errand.shard.number: memory},
        )
        outcome = errand.step(errand.shard, desk)
    return Report(outcome, memory, desk.tally.refusals - errand.refusals)


def _source(errand: Errand, pieces: Sequence[Cells]) -> CellsSource | None:
    if errand.recipe is None or errand.places is None:
        return None
    return CellsSource(errand.recipe, errand.places, pieces)


def _unheard(_: str) -> None:
    """What a step says is said by the client, from what comes back."""
