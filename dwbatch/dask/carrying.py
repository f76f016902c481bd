"""The part of a Dask job that spends: what is new is bought once, and the frame that comes back reads later."""

import logging
from collections import Counter
from pathlib import Path
from typing import Any

from dwbatch import sentences
from dwbatch.dask.answers import with_lazy_answers
from dwbatch.dask.calling import PartitionsCall
from dwbatch.engine.desk import Desk
from dwbatch.opening import Means
from dwbatch.sending import Sent, carried_out

logger = logging.getLogger(__name__)


def carry_out(call: PartitionsCall, means: Means) -> Any:
    """Send what is not answered yet, wait, and hand over the frame that reads the answers.

    Raises
    ------
    CheckpointError, ApiError, TransportError, JobStoppedError, JobTimeoutError
        As `dwbatch.sending.carry_out`.
    """
    with carried_out(call, means) as carried:
        desk, sent = carried.desk, carried.sent
        out = with_lazy_answers(call, desk.checkpoint, sent.shards, desk.tally.too_large)
    told = _sentence(call, sent, desk, desk.checkpoint.path)
    carried.progress.say(told)
    logger.info("%s", told)
    return out


def _sentence(call: PartitionsCall, sent: Sent, desk: Desk, path: Path) -> str:
    """What the call has done; how the rows ended stands in the frame, and is not read here."""
    skipped = Counter(call.rows.skipped.drop_null().to_pylist())
    count = len(call.contents.starts) - 1
    silent = f", of which {skipped.total():,} make no request" if skipped else ""
    told = sentences.codes(dict(skipped.most_common()))
    parts = [
        f"{len(call.rows):,} rows in {count:,} partition{'s' if count != 1 else ''}{silent}{told}",
        sentences.sent(desk.tally.sent, len(desk.tally.resent)),
        sentences.saved(duplicates=call.duplicates, answered=sent.plan.answered),
        f"checkpoint {path}",
    ]
    if sent.plan.adopted:
        parts.insert(2, sentences.adopted(len(sent.plan.adopted)))
    return "; ".join(parts) + "."
