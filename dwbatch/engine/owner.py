"""Whose batches a checkpoint holds: a rotated key is the same account, another account is not."""

import logging
from collections.abc import Collection
from dataclasses import replace

from dwbatch.checkpoint.shard import Shard
from dwbatch.engine import faults
from dwbatch.engine.desk import Desk
from dwbatch.engine.states import IN_FLIGHT
from dwbatch.errors import ApiError, JobStoppedError

logger = logging.getLogger(__name__)

SHOWN = 3
MOST_PROBES = 20


def settle_owner(shards: Collection[Shard], desk: Desk) -> None:
    """Make sure that what is in flight belongs to the present key, and write that down.

    A few batches (or, where none is known, files) are asked for until one is seen: the server
    shows an account only what is its own.

    Raises
    ------
    JobStoppedError
        If the batches belong to another account. Nothing was bought.
    """
    account, server = desk.order.account, desk.order.server
    foreign = [
        shard
        for shard in shards
        if shard.state in IN_FLIGHT and shard.server == server and shard.account != account
        and None not in {shard.account, account}
    ]  # fmt: skip
    if not foreign:
        return
    foreign.sort(key=lambda shard: (shard.batch_id is None, shard.number))
    # One that is seen settles it; one that is not may have been deleted.
    if not any(_is_ours(shard, desk) for shard in foreign[:MOST_PROBES]):
        named = ", ".join(str(shard.batch_id or f"shard {shard.number}") for shard in foreign[:SHOWN])
        raise JobStoppedError(
            f"The checkpoint {str(desk.checkpoint.path)!r} holds batches of another account ({named}"
            f"{', …' if len(foreign) > SHOWN else ''}): this key does not see them. Nothing was bought. Use the key of "
            "that account, or give this call a checkpoint= of its own."
        )
    logger.info("%d batches were sent with another key of the same account", len(foreign))
    numbers = {shard.number for shard in foreign}
    renewed = [replace(shard, account=account) if shard.number in numbers else shard for shard in shards]
    desk.checkpoint.write_shards(renewed)


def _is_ours(shard: Shard, desk: Desk) -> bool:
    if shard.batch_id is None:
        return any(file.id == shard.input_file_id for file in desk.client.files(search=shard.token))
    try:
        desk.client.batch(shard.batch_id)
    except ApiError as error:
        if faults.is_absent(error):
            return False
        raise
    return True
