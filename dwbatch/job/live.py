"""Result lines of batches that still run, read on from where the last look stopped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.answers.decode import decode
from dwbatch.answers.pick import best
from dwbatch.answers.results import LINES
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import RESULTS
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.columns import ErrorCode
from dwbatch.engine import faults
from dwbatch.errors import ApiError, TransportError
from dwbatch.wire.client import Client


@dataclass(slots=True)
class Live:
    """What a job has read of running batches: kept in memory alone, read anew by whoever comes next.

    Parameters
    ----------
    files : dict of str to pyarrow.Table
        Lines of each result file so far.
    """

    files: dict[str, pa.Table] = field(default_factory=dict)

    def results(
        self, shards: Sequence[Shard], checkpoint: Checkpoint, client: Client
    ) -> Iterator[tuple[Shard, pa.Table]]:
        """Results of every shard that is bought and has none on disk, one a request that has a line.

        Parameters
        ----------
        shards : sequence of Shard
            As just looked at, so that the ids of their result files are known.
        checkpoint : Checkpoint
        client : Client
        """
        for shard in shards:
            if shard.state not in {State.SUBMITTED, State.ENDED} or checkpoint.has_results(shard.number):
                continue
            lines = pa.concat_tables([LINES.empty_table(), *self._lines(shard, client)])
            # A line cut in two by the reading is whole the next time.
            lines = lines.filter(pc.invert(_is_malformed(lines)))
            if len(lines):
                yield shard, _named(best(lines, "custom_id"), checkpoint.requests(shard.number))

    def _lines(self, shard: Shard, client: Client) -> Iterator[pa.Table]:
        for file_id in (shard.output_file_id, shard.error_file_id):
            if file_id is not None:
                yield self._read_on(file_id, client)

    def _read_on(self, file_id: str, client: Client) -> pa.Table:
        held = self.files.get(file_id, LINES.empty_table())
        blocks: list[bytes] = []
        try:
            with client.content(file_id, skip=len(held)) as content:
                if len(held) and content.last_line is None:
                    # A server that does not know `skip` sends the file from its beginning.
                    held = LINES.empty_table()
                blocks.extend(content.blocks())
        except TransportError:
            # What came before the cut is as good as any; the rest is read the next time.
            if not blocks:
                raise
        except ApiError as error:
            # Not made yet, or deleted by somebody; waiting finds out which.
            if not faults.is_absent(error):
                raise
        # A last line without its newline may still be growing.
        held = pa.concat_tables([held, decode(blocks, whole=False)])
        self.files[file_id] = held
        return held


def _is_malformed(lines: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(lines["error_code"], value_set=pa.array([ErrorCode.MALFORMED_LINE.value]))


def _named(lines: pa.Table, requests: pa.Table) -> pa.Table:
    """Lines as results: with the keys of the requests that they answer; those of other requests left out."""
    places = pc.index_in(lines["custom_id"], value_set=requests["custom_id"].combine_chunks())
    is_known = pc.is_valid(places)
    lines, places = lines.filter(is_known), places.filter(is_known)
    for name in ("request_key", "answers_key"):
        lines = lines.append_column(name, requests[name].take(places))
    return lines.select(RESULTS.names)
