"""The part of a parquet job that spends and writes: send, wait, put every answer beside its row."""

import datetime as dt
import logging
import posixpath
from dataclasses import dataclass

from dwbatch.call import judge_of, naming_of
from dwbatch.engine.desk import Desk
from dwbatch.engine.lookup import KeyIndex
from dwbatch.opening import Means
from dwbatch.outcome import columns_read, without
from dwbatch.parquet.calling import FilesCall, places_of
from dwbatch.parquet.destination import Destination, IfExists, Origin
from dwbatch.parquet.report import ParquetReport
from dwbatch.parquet.results import Results
from dwbatch.parquet.writing import Counts, answered_tables, schema_of
from dwbatch.sending import Sent, carried_out

logger = logging.getLogger(__name__)

ROW_GROUP_ROWS = 131_072


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Where and how the rows of a call are written.

    Parameters
    ----------
    destination : Destination
    origin : Origin
    if_exists : {"replace", "append"} or None
    row_group_size : int
        Most rows of a row group.
    """

    destination: Destination
    origin: Origin
    if_exists: IfExists | None = None
    row_group_size: int = ROW_GROUP_ROWS


def carry_out(
    call: FilesCall, output: Output, means: Means | None = None, *, tells: bool = True
) -> ParquetReport:
    """Send what is not answered yet, wait, and write every file.

    Parameters
    ----------
    call : FilesCall
    output : Output
    means : Means, optional
    tells : bool
        Say the report in one sentence on stderr, unless the caller has a way of its own.

    Raises
    ------
    CheckpointError, ApiError, TransportError, JobStoppedError, JobTimeoutError
        As `dwbatch.sending.carry_out`.
    """
    means = means or Means()
    started_at = means.clock.now()
    with carried_out(call, means) as carried:
        report = _write(call, output, carried.desk, carried.sent, started_at)
    if tells:
        carried.progress.say(str(report))
    logger.info("%s", report)
    return report


def _write(call: FilesCall, output: Output, desk: Desk, sent: Sent, started_at: dt.datetime) -> ParquetReport:
    """Write every file, the marker and the summary."""
    results = Results(
        desk.checkpoint,
        sent.shards,
        KeyIndex.of(call.asked.keys),
        server=desk.order.server,
        columns=columns_read(naming_of(call.options, call.asking)),
        judge=judge_of(call.asking),
    )
    counts = Counts()
    written = _write_files(call, output, desk, results, counts)
    prompt_tokens, completion_tokens = results.tokens()
    report = ParquetReport(
        destination=output.destination.path,
        files=tuple(written),
        rows=counts.rows,
        ok=counts.ok,
        codes=dict(counts.codes.most_common()),
        duplicates=call.duplicates,
        answered=sent.plan.answered,
        sent=desk.tally.sent,
        resent=len(desk.tally.resent),
        adopted=len(sent.plan.adopted),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        checkpoint=None if call.options.checkpoint is False else desk.checkpoint.path,
        started_at=started_at,
        ended_at=desk.clock.now(),
    )
    output.destination.mark(report.to_dict())
    return report


def _write_files(call: FilesCall, output: Output, desk: Desk, results: Results, counts: Counts) -> list[str]:
    target, places = output.destination, places_of(call)
    rows = without(call.rows, desk.tally.too_large)
    schema = schema_of(call, results, output.origin.text())
    before = [] if target.is_file or output.if_exists == "append" else target.files()
    target.unmark()
    written = []
    if target.is_file:
        every = (
            table
            for file in range(len(call.files.paths))
            for table in answered_tables(call, file, results, places, rows, counts)
        )
        written.append(target.write("", schema, every, row_group_rows=output.row_group_size))
    else:
        mark = desk.order.job if output.if_exists == "append" else ""
        for file in range(len(call.files.paths)):
            tables = answered_tables(call, file, results, places, rows, counts)
            name = _name(call.files.relative(file), mark)
            written.append(target.write(name, schema, tables, row_group_rows=output.row_group_size))
    target.remove(path for path in before if path not in written)
    return written


def _name(relative: str, mark: str) -> str:
    """Name of the file that answers one of the source, told apart from those that stand there already."""
    stem, extension = posixpath.splitext(relative)
    return f"{stem}-{mark}{extension}" if mark else relative
