"""What a job looks like: a card in a notebook, a few lines in a terminal."""

from collections.abc import Collection
from decimal import Decimal

from dwbatch.checkpoint.shard import Shard
from dwbatch.engine.progress import Progress
from dwbatch.engine.watching import Watcher
from dwbatch.errors import DwbatchError
from dwbatch.job.card import html_of, next_of
from dwbatch.job.costs import billed_so_far
from dwbatch.job.held import Held
from dwbatch.job.looking import client_of, look
from dwbatch.job.notebook import CardWatcher, in_notebook
from dwbatch.job.status import status_of, text_of

# Each is a call of its own, and a card is not worth many.
MOST_BILLS = 20


def text(held: Held) -> str:
    """A job as last recorded, in a few lines; nothing is asked."""
    head = f"Job({str(held.checkpoint.path)!r})"
    try:
        status = status_of(held, held.shards())
    except DwbatchError as error:
        return f"{head}\n{error}"
    return f"{head}\n{text_of(status)}\nnext        {next_of(status)}"


def card(held: Held) -> str:
    """A job as it is at the server, or as last recorded where the server cannot be asked."""
    billed: Decimal | None = None
    shards, is_recorded = held.shards(), False
    try:
        with client_of(held) as client:
            shards = look(held, client)
            if len(shards) <= MOST_BILLS:
                billed = billed_so_far(shards, client)
    except DwbatchError:
        # A card that cannot be drawn would hide what is known.
        is_recorded = True
    return html_of(status_of(held, shards), now=held.clock.now(), billed=billed, is_recorded=is_recorded)


def watcher_of(held: Held, progress: Progress, *, is_shown: bool) -> Watcher:
    """A card that keeps itself up to date in a notebook; elsewhere the line of `progress`."""
    if not is_shown or not in_notebook():
        return progress

    def draw(shards: Collection[Shard]) -> str:
        seen = {shard.number: shard for shard in shards}
        all_of_it = [seen.get(shard.number, shard) for shard in held.shards()]
        return html_of(status_of(held, all_of_it), now=held.clock.now())

    return CardWatcher(draw, held.clock)


def finish(watcher: Watcher) -> None:
    """Leave a card as the wait left the job, whenever it was drawn last."""
    if isinstance(watcher, CardWatcher):
        watcher.draw(())
