"""The faults that are set on one server, and how often each has happened."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from dwbatch.local.connections import Connection
from dwbatch.local.faults.kinds import AnyFault, Fault, Fired

F = TypeVar("F", bound=Fault)


@dataclass(slots=True, eq=False)
class Armed(Generic[F]):
    """A fault and how much of it is left."""

    fault: F
    skip: int
    left: int | None

    @property
    def is_spent(self) -> bool:
        """Whether it has happened as often as it should."""
        return self.left == 0


class Controls(Protocol):
    """Where faults are set: the board of a server here, or the way to one in another process."""

    def add(self, fault: AnyFault) -> None:
        """Set a fault."""

    def clear(self) -> None:
        """Switch every fault off."""

    def fired(self) -> list[Fired]:
        """What happened, oldest first."""

    def unfired(self) -> list[AnyFault]:
        """What should still happen."""


class Board:
    """Holds faults in the order in which they were set; safe to use from any thread.

    Attributes
    ----------
    is_closed : bool
        Whether the server is about to stop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Armed[AnyFault]] = []
        self._fired: list[Fired] = []
        self._hanging: set[Connection] = set()
        self.is_closed = False

    def add(self, fault: AnyFault) -> None:
        """Set a fault."""
        with self._lock:
            self._armed.append(Armed(fault, fault.skip, fault.times))

    def clear(self) -> None:
        """Switch every fault off, and let go what hangs or drips."""
        with self._lock:
            self._armed.clear()
            hanging = list(self._hanging)
        for connection in hanging:
            connection.wake()

    def close(self) -> None:
        """Clear, and let nothing hang any more: the server is about to stop."""
        self.is_closed = True
        self.clear()

    def fired(self) -> list[Fired]:
        """What happened, oldest first."""
        with self._lock:
            return list(self._fired)

    def unfired(self) -> list[AnyFault]:
        """What was set to happen a number of times and has not happened so often."""
        with self._lock:
            return [armed.fault for armed in self._armed if armed.left]

    def armed(self, kind: type[F]) -> list[Armed[F]]:
        """Faults of a kind that have not happened often enough, in the order in which they were set."""
        # Asked for every row: where no fault was ever set there is nothing to lock.
        if not self._armed:
            return []
        with self._lock:
            return [armed for armed in self._of(kind) if not armed.is_spent]

    def _of(self, kind: type[F]) -> Iterator[Armed[F]]:
        for armed in self._armed:
            if isinstance(armed.fault, kind):
                yield armed  # type: ignore[misc]  # the line above has looked at what it holds

    def take(self, armed: Armed[F], where: str) -> bool:
        """Whether a fault happens on this occasion, which is counted."""
        with self._lock:
            if armed.is_spent or not self._is_set(armed):
                return False
            if armed.skip:
                armed.skip -= 1
                return False
            if armed.left is not None:
                armed.left -= 1
            self._fired.append(Fired(armed.fault.name, where))
            return True

    def is_set(self, armed: Armed[Any]) -> bool:
        """Whether a fault, happened or not, has not been cleared since it was set."""
        with self._lock:
            return self._is_set(armed)

    def _is_set(self, armed: Armed[Any]) -> bool:
        return any(armed is other for other in self._armed)

    async def hold(self, armed: Armed[Any], connection: Connection, longest_s: float | None = None) -> None:
        """Wait until the time is over, faults are cleared, or the client has gone."""
        with self._lock:
            # Between the fault's happening and this moment lies what the exchange had to do first.
            if self.is_closed or not self._is_set(armed):
                return
            self._hanging.add(connection)
        try:
            await connection.sleep(longest_s)
        finally:
            with self._lock:
                self._hanging.discard(connection)
