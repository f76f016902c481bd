"""Steps that have begun, and the shards that they move."""

import logging
from collections.abc import Collection, Iterator
from concurrent.futures import Future

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.desk import Outcome

logger = logging.getLogger(__name__)

Moving = Future[list[Outcome]]


class UnderWay(Collection[Moving]):
    """Steps that have begun, and whose outcomes nobody has taken in yet.

    Attributes
    ----------
    busy : set of int
        Numbers of the shards that they move.
    """

    def __init__(self) -> None:
        self.busy: set[int] = set()
        self._moved: dict[Moving, tuple[Shard, ...]] = {}

    def __len__(self) -> int:
        return len(self._moved)

    def __iter__(self) -> Iterator[Moving]:
        return iter(self._moved)

    def __contains__(self, future: object) -> bool:
        return future in self._moved

    @property
    def is_polling(self) -> bool:
        """Whether one of them looks at batches."""
        return any(shard.state is State.SUBMITTED for moved in self._moved.values() for shard in moved)

    def begin(self, future: Moving, shards: Collection[Shard]) -> None:
        """Note a step that has begun."""
        self._moved[future] = tuple(shards)
        self.busy.update(shard.number for shard in shards)

    def moved_by(self, future: Moving) -> list[int]:
        """Numbers of the shards that a step moves."""
        return [shard.number for shard in self._moved[future]]

    def made_by(self, futures: Collection[Moving]) -> tuple[list[Outcome], list[Exception]]:
        """What steps that have ended made of their shards, and what stopped them.

        Raises
        ------
        BaseException
            If a step was ended by something that is no error of its own.
        """
        outcomes, faults = list[Outcome](), list[Exception]()
        for future in futures:
            error = future.exception()
            if error is None:
                outcomes += future.result()
            elif isinstance(error, Exception):
                logger.debug("shards %s: %s", self.moved_by(future), error)
                faults.append(error)
            else:
                raise error
        return outcomes, faults

    def last_outcomes(self) -> list[Outcome]:
        """What those learnt that have ended by now, as far as they learnt anything."""
        outcomes: list[Outcome] = []
        for future in self:
            error = future.exception() if future.done() else TimeoutError()
            if error is None:
                outcomes += future.result()
            else:
                logger.debug("a step ended with %s while the call was being stopped", type(error).__name__)
        return outcomes

    def forget(self, futures: Collection[Moving]) -> None:
        """Let go of steps whose outcomes are taken in."""
        for future in list(futures):
            self.busy.difference_update(self.moved_by(future))
            del self._moved[future]
