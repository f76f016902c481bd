"""The part of a Dask job that spends: what is new is bought once, and the frame that comes back reads later."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.dask.answers import with_lazy_answers
from dwbatch.dask.calling import PartitionsCall
from dwbatch.engine.desk import Desk
from dwbatch.engine.goal import Goal
from dwbatch.engine.progress import Progress
from dwbatch.opening import Means, opened, place_of
from dwbatch.sending import Sent, carry_to

logger = logging.getLogger(__name__)


def carry_out(call: PartitionsCall, means: Means) -> Any:
    """Send what is not answered yet, wait, and hand over the frame that reads the answers.

    Raises
    ------
    CheckpointError, ApiError, TransportError, JobStoppedError, JobTimeoutError
        As `dwbatch.sending.carry_out`.
    """
    started = means.clock.monotonic()
    timeout_s = call.options.timeout_s
    deadline = None if timeout_s is None else started + timeout_s
    progress = Progress(is_shown=call.options.progress)
    with place_of(call, means) as path:
        checkpoint = Checkpoint(path, means.disk)
        try:
            with opened(call, checkpoint, means, progress, lock_timeout_s=timeout_s) as desk:
                sent = carry_to(Goal.OVER, call, desk, progress, deadline=deadline)
                out = with_lazy_answers(call, checkpoint, sent.shards, desk.tally.too_large)
        finally:
            progress.close()
    told = _sentence(call, sent, desk, path)
    progress.say(told)
    logger.info("%s", told)
    return out


def _sentence(call: PartitionsCall, sent: Sent, desk: Desk, path: Path) -> str:
    """What the call has done; how the rows ended stands in the frame, and is not read here."""
    skipped = Counter(call.rows.skipped.drop_null().to_pylist())
    reasons = ", ".join(f"{count:,} {code}" for code, count in skipped.most_common())
    count = len(call.contents.starts) - 1
    silent = f", of which {skipped.total():,} make no request ({reasons})" if skipped else ""
    again = f", {len(desk.tally.resent):,} once more" if desk.tally.resent else ""
    parts = [
        f"{len(call.rows):,} rows in {count:,} partition{'s' if count != 1 else ''}{silent}",
        f"{desk.tally.sent:,} requests sent{again}",
        f"{call.duplicates:,} saved by de-duplication, {sent.plan.answered:,} by the checkpoint",
        f"checkpoint {path}",
    ]
    if sent.plan.adopted:
        parts.insert(2, f"{len(sent.plan.adopted):,} batches adopted from the account")
    return "; ".join(parts) + "."
