"""The client's side of a cluster: which steps go to workers, and what is made of a worker that is lost."""

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import dask
import dask.base
from distributed import Client, KilledWorker
from distributed.comm.core import CommClosedError

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.dask.calling import PartitionsCall
from dwbatch.dask.errand import Errand, Report, Where, run_errand
from dwbatch.dask.partitions import PartitionsSource, Sealed
from dwbatch.engine import faults
from dwbatch.engine.desk import Desk, Outcome
from dwbatch.engine.fetch import fetch
from dwbatch.engine.goal import Step
from dwbatch.engine.source import SourceChangedError
from dwbatch.engine.upload import upload
from dwbatch.errors import DwbatchError, InputError, JobStoppedError, TransportError
from dwbatch.opening import Means
from dwbatch.wire.failures import StoppedError

logger = logging.getLogger(__name__)

# The steps that move bytes. What buys, looks up or polls is for the client alone.
FAR: dict[Step, str] = {upload: "upload", fetch: "fetch"}
# Dask itself has tried a step on several workers before it says that it is lost.
MOST_LOSSES = 8
LOOK_S = 0.2
ASK_S = 5.0
FEWEST_HANDS = 4
MOST_HANDS = 64


class _UnreachableError(Exception):
    """The scheduler does not answer."""


LOST = (KilledWorker, CommClosedError, CancelledError, _UnreachableError)


def means_for(call: PartitionsCall) -> Means:
    """What a call works with: the workers of the cluster, if Dask's scheduler is one.

    Raises
    ------
    InputError
        If the call has a session, which no worker can have.
    """
    cluster = find_cluster()
    if cluster is None:
        return Means()
    if call.options.session is not None:
        raise InputError.nothing_sent(
            "session= stays on this machine, and workers would not have it. Set proxies and certificates in their "
            "environment (HTTPS_PROXY, REQUESTS_CA_BUNDLE)."
        )
    threads = sum(cluster.nthreads().values())
    return Means(workers=min(MOST_HANDS, max(FEWEST_HANDS, threads + 2)), porter=ClusterPorter(cluster))


def find_cluster() -> Client | None:
    """The `distributed` client by which Dask would compute now; None for a scheduler of this machine."""
    client = getattr(dask.base.get_scheduler(), "__self__", None)
    return client if isinstance(client, Client) else None


class ClusterPorter:
    """Has uploads and fetches done by the workers of a cluster.

    Parameters
    ----------
    cluster : distributed.Client
    """

    def __init__(self, cluster: Client) -> None:
        self._cluster = cluster
        self._lock = threading.Lock()
        self._checked: Where | None = None

    def take(self, step: Step, shard: Shard, desk: Desk) -> Outcome:
        """Have a step taken on a worker, if it is one that moves bytes; a thread of the client waits for it."""
        is_far = step is fetch or (step is upload and isinstance(desk.source, PartitionsSource))
        if not is_far:
            return step(shard, desk)
        try:
            report = self._wait_for(self._send(step, shard, desk, self._look_around(desk)), desk)
        except SourceChangedError as error:
            return Outcome(replace(shard, state=State.DROPPED), is_settled=True, fault=error)
        except DwbatchError:
            raise
        # A client that was closed says so in other words by each call, by some only that None has no attribute.
        except Exception as error:
            if self._cluster.status == "closed":
                return _stopped(shard, error)
            if isinstance(error, LOST):
                return _lost(shard, desk, error)
            raise
        desk.memories[shard.number] = report.memory
        desk.tally.refusals += report.refusals
        return report.outcome

    def _look_around(self, desk: Desk) -> Where:
        """Have every worker look at folder and key once, before anything is sent."""
        where = Where.of(desk)
        with self._lock:
            if where != self._checked:
                with _reaching():
                    found = self._cluster.run(_look, where, on_error="return")
                # A worker that is lost while it looks is no fault of the call's.
                complaints = [said for said in found.values() if isinstance(said, DwbatchError)]
                if complaints:
                    raise complaints[0]
                self._checked = where
        return where

    def _send(self, step: Step, shard: Shard, desk: Desk, where: Where) -> Any:
        errand = Errand(
            step=step,
            where=where,
            shard=shard,
            # Which rows go together was settled when the shard was cut, and is as long as the frame.
            order=replace(desk.order, groups=None),
            limits=desk.limits,
            pace=desk.pace,
            memory=replace(desk.memory(shard), may_be_up=True),
            has_ended=shard.number in desk.tally.ended,
            refusals=desk.tally.refusals,
            now_s=desk.clock.monotonic(),
        )
        pieces: list[Any] = []
        if step is upload and isinstance(desk.source, PartitionsSource):
            places = desk.source.places(desk.checkpoint.requests(shard.number))
            errand = replace(errand, recipe=desk.source.recipe, places=places)
            pieces = desk.source.pieces(places)
        name = f"dwbatch-{FAR[step]}-{shard.number:05d}-{uuid.uuid4().hex}"
        return self._start(dask.delayed(run_errand, pure=False)(Sealed(errand), pieces, dask_key_name=name))

    def _start(self, errand: Any) -> Any:
        with _reaching():
            return self._cluster.compute(errand)

    def _wait_for(self, future: Any, desk: Desk) -> Report:
        is_over = threading.Event()
        future.add_done_callback(lambda _: is_over.set())
        asked_at = time.monotonic()
        while not (is_over.wait(LOOK_S) or future.done()):
            if desk.stopping.is_set():
                future.cancel()
                raise StoppedError.during("the cluster")
            if time.monotonic() - asked_at > ASK_S:
                if not self._is_known(future.key) and not future.done():
                    raise CancelledError(future.key)
                asked_at = time.monotonic()
        report: Report = future.result()
        return report

    def _is_known(self, key: str) -> bool:
        """Whether the scheduler still has an errand: what came to it while it was restarted is forgotten without a word."""
        with _reaching():
            known: bool = self._cluster.run_on_scheduler(_has, key)
        return known


@contextmanager
def _reaching() -> Iterator[None]:
    """Tell a scheduler that is gone from an error of what was to be done."""
    try:
        yield
    except CommClosedError:
        raise
    except OSError as error:
        raise _UnreachableError(str(error)) from error


def _has(key: str, dask_scheduler: Any = None) -> bool:
    return key in dask_scheduler.tasks


def _look(where: Where, dask_worker: Any = None) -> None:
    where.key(worker=dask_worker)


def _stopped(shard: Shard, error: Exception) -> Outcome:
    fault = JobStoppedError(
        "The client of the cluster is closed, by itself where the scheduler is gone. What was bought before is kept, "
        "and nothing is bought twice: start the cluster again and make the same call."
    )
    fault.__cause__ = error
    return Outcome(shard, fault=fault)


def _lost(shard: Shard, desk: Desk, error: Exception) -> Outcome:
    """A step whose worker, or whose cluster, is gone: it may have been taken, so the next try looks first."""
    memory = desk.memory(shard)
    memory.may_be_up |= shard.state is State.PLANNED
    why = f"the cluster has lost it ({type(error).__name__})"
    logger.warning("shard %d: %s", shard.number, why)
    wait_s = desk.backoff(shard)
    if memory.failures > MOST_LOSSES:
        lost = TransportError(f"shard {shard.number}", f"{why}, {memory.failures} times in a row.")
        return Outcome(shard, fault=faults.stop(lost, where=f"Shard {shard.number} was given to workers"))
    return Outcome(shard, again_in_s=wait_s, waiting_for=why)
