"""Threads that wait for a model; none of them can keep the server from stopping."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

A = TypeVar("A")

# How long an answer may still take that was asked for before the server stopped.
GRACE_S = 1.0


class Crew(Generic[A]):
    """A fixed number of daemon threads, each started when there is first work for it.

    Not `concurrent.futures`: its threads are waited for at the end of the interpreter, and one answer that
    never comes would hang a notebook for ever.

    Parameters
    ----------
    size : int
        Most threads.
    work : callable
        What is done with each thing that is handed in; must not raise.
    """

    def __init__(self, size: int, work: Callable[[A], None]) -> None:
        self._size = size
        self._work = work
        self._waiting: queue.SimpleQueue[A | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def hand_in(self, one: A) -> None:
        """Have something done, in a while; to be called from one thread only."""
        self._waiting.put(one)
        if len(self._threads) < self._size:
            name = f"dwbatch-local-answer-{len(self._threads)}"
            thread = threading.Thread(target=self._serve, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        while (one := self._waiting.get()) is not None:
            self._work(one)

    def stop(self, *, grace_s: float = GRACE_S) -> None:
        """End the threads, and leave behind those that are stuck."""
        for _ in self._threads:
            self._waiting.put(None)
        deadline = time.monotonic() + grace_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
