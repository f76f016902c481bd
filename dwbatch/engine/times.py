"""What a batch object says, carried over to its shard."""

import datetime as dt
from dataclasses import replace

from dwbatch.checkpoint.shard import Shard
from dwbatch.wire.objects import Batch, RequestCounts


def moment(seconds: float | None) -> dt.datetime | None:
    """Seconds since 1970 as a moment; None stays None."""
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)


def seen(shard: Shard, batch: Batch) -> Shard:
    """The shard with the batch's status, counts and file ids as last seen.

    Ids are never unlearnt: a server omits that of a file once it is deleted.
    """
    counts = batch.request_counts or RequestCounts()
    return replace(
        shard,
        server_status=batch.status,
        completed=counts.completed or 0,
        failed=counts.failed or 0,
        output_file_id=batch.output_file_id or shard.output_file_id,
        error_file_id=batch.error_file_id or shard.error_file_id,
    )
