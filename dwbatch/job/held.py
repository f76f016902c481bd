"""What a job stands on: a folder, a way to the server, and perhaps the call that made it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from dwbatch.call import Call
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.connect import Connection
from dwbatch.engine.clock import Clock
from dwbatch.engine.desk import Limits, Order
from dwbatch.engine.lookup import KeyIndex
from dwbatch.engine.wanted import keys_of
from dwbatch.opening import Means
from dwbatch.options import Options, Prompt

# A desk at which nothing is cut has no use for limits.
NO_LIMITS = Limits(max_requests=2**62, max_bytes=2**62)


@dataclass(frozen=True, slots=True)
class Wording:
    """What a call said, by which the rows of another frame find their answers.

    Parameters
    ----------
    prompt : str, list, callable or None
    options : Options
    """

    prompt: Prompt | None
    options: Options


@dataclass(frozen=True, slots=True)
class Held:
    """What a job stands on. It holds no lock and no open connection.

    Parameters
    ----------
    checkpoint : Checkpoint
    connection : Connection
    call : Call or None
        The call that made the job, with its frame; None where only the folder is known.
    wording : Wording or None
        What the call said; None where only the folder's recipe can say it.
    numbers : frozenset of int or None
        Only these shards of the folder; None for all that the call wants, or all there are.
    means : Means
    """

    checkpoint: Checkpoint
    connection: Connection
    call: Call | None = None
    wording: Wording | None = None
    numbers: frozenset[int] | None = None
    means: Means = field(default_factory=Means)

    @property
    def clock(self) -> Clock:
        """The time."""
        return self.means.clock

    def every(self) -> list[Shard]:
        """Every shard of the folder, whosoever it is."""
        return self.checkpoint.shards()

    def shards(self) -> list[Shard]:
        """The job's own shards as last recorded, by number."""
        return self.owned(self.every())

    def owned(self, shards: Iterable[Shard]) -> list[Shard]:
        """Those of some shards that are this job's: of its server, and with a request that it wants."""
        here = [shard for shard in shards if shard.server == self.connection.server]
        if self.numbers is not None:
            return [shard for shard in here if shard.number in self.numbers]
        if self.call is None:
            return here
        index = KeyIndex.of(self.call.asked.keys)
        return [shard for shard in here if len(index.known(keys_of(self.checkpoint, shard)))]

    def order(self) -> Order:
        """The order of a call that only waits: it sends nothing, and asks for nothing again."""
        shards = self.shards()
        return Order(
            job=shards[-1].job if shards else "",
            name="",
            server=self.connection.server,
            # By it many batches are listed at once; those it does not show are asked for by id.
            recipe=shards[-1].recipe if shards else "",
            endpoint="",
            completion_window="",
            account=self.connection.account,
            kinds=frozenset(),
        )

    def only(self, numbers: frozenset[int]) -> "Held":
        """The same with some of its shards."""
        return replace(self, numbers=numbers)


def is_running(shard: Shard) -> bool:
    """Whether a batch was bought and not seen to end."""
    return shard.state is State.SUBMITTED
