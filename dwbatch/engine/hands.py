"""The few threads of a call, none of which can hold up its end."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

import pyarrow as pa

T = TypeVar("T")

# How long a thread may take to end after its last step has.
LONGEST_GOODBYE_S = 1.0


class Hands:
    """A fixed number of daemon threads, each started when there is work for it; use it in a ``with`` statement.

    Not `concurrent.futures.ThreadPoolExecutor`: its threads are waited for without end when it is
    closed, and once more when the interpreter ends, so one call that hangs would hold up Ctrl-C.

    Parameters
    ----------
    count : int
        Most threads.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._threads: list[threading.Thread] = []
        self._waiting: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join(LONGEST_GOODBYE_S)

    def start(self, step: Callable[[], T]) -> "Future[T]":
        """Have a step taken as soon as a hand is free; to be called from one thread only."""
        future: Future[T] = Future()
        self._waiting.put((future, step))
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name=f"dwbatch-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def _work(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            _take(*waiting)
            # Until the next step comes, nothing of this one is kept alive; what Arrow freed, it would keep
            # for this thread alone.
            del waiting
            pa.default_memory_pool().release_unused()


def _take(future: "Future[Any]", step: Callable[[], Any]) -> None:
    try:
        made = step()
    except BaseException as error:  # noqa: BLE001 - handed to whoever asked for the step, and raised there
        future.set_exception(error)
    else:
        future.set_result(made)
