"""What a refused upload teaches: a limit, or one row that the server will not have."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.answers.results import LINES
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import Shard
from dwbatch.columns import Status, http_code
from dwbatch.engine.desk import Desk, Limits
from dwbatch.errors import ApiError

TOO_LARGE = 413
MOST_REFUSALS = 5

_BYTES = re.compile(r"maximum allowed size of (\d+) bytes")
_REQUESTS = re.compile(r"exceeds the maximum of (\d+)")
_LINE = re.compile(r"(?:Line|Invalid JSON on line) (\d+)\b")
# Such a fault is every row's, and no row is dropped for it.
_EVERYBODYS = re.compile(
    r"Model '|Unsupported URL path|Unsupported HTTP method|Missing 'model'|Unsupported parameter"
)


def limit_in(error: ApiError, shard: Shard, limits: Limits) -> Limits | None:
    """The limit that a refusal names, or that must lie below a shard refused without a number.

    None if the refusal is about something else, or nothing smaller can be cut.
    """
    if found := _REQUESTS.search(error.sentence):
        return Limits(max(1, int(found[1])), limits.max_bytes)
    if error.status != TOO_LARGE:
        return None
    if found := _BYTES.search(error.sentence):
        return Limits(limits.max_requests, int(found[1]))
    return halved(shard, limits)


def halved(shard: Shard, limits: Limits) -> Limits | None:
    """Limits under which a shard makes two; None for a shard of one request."""
    return Limits(limits.max_requests, shard.bytes // 2 + 1) if shard.requests > 1 else None


def refused_line(error: ApiError, shard: Shard) -> int | None:
    """Place of the one request that the server refused, from 0; None if the refusal is about all.

    The server counts lines from 1 without blank ones, of which our files have none [R].
    """
    found = _LINE.match(error.sentence)
    if found is None or _EVERYBODYS.search(error.sentence):
        return None
    place = int(found[1]) - 1
    return place if 0 <= place < shard.requests else None


def record_refused(shard: Shard, place: int, error: ApiError, desk: Desk) -> None:
    """Keep the refused row's result in its shard, which will be dropped."""
    request = desk.checkpoint.requests(shard.number).slice(place, 1)
    write_verdict(
        desk.checkpoint,
        shard,
        request,
        status=Status.FAILED,
        code=http_code(error.status),
        sentence=error.sentence,
    )


def write_verdict(
    checkpoint: Checkpoint, shard: Shard, requests: pa.Table, *, status: Status, code: str, sentence: str
) -> None:
    """Write results of requests that the server never saw: our own word on why.

    Parameters
    ----------
    checkpoint : Checkpoint
    shard : Shard
        Whose results file it is. Results that stand there already are kept.
    requests : pa.Table
        The requests in question.
    status, code, sentence
        One for all of them.
    """
    said = {"status": status.value, "error_code": code, "error": sentence}
    columns = {
        field.name: pa.repeat(pa.scalar(said.get(field.name), field.type), len(requests)) for field in LINES
    }
    columns |= {name: requests[name] for name in ("custom_id", "request_key", "answers_key")}
    table = pa.table(columns)
    if checkpoint.has_results(shard.number):
        held = checkpoint.results(shard.number)
        fresh = table.filter(
            pc.invert(pc.is_in(table["custom_id"], value_set=held["custom_id"].combine_chunks()))
        )
        table = pa.concat_tables([held, fresh.select(held.column_names).cast(held.schema)])
    checkpoint.write_results(shard.number, table)
