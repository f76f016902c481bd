"""What a job has to say about its rows: the answers, and the reasons where there is none."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from dwbatch.checkpoint.shard import Shard
from dwbatch.columns import Status
from dwbatch.frames import to_pandas
from dwbatch.holding import Column
from dwbatch.job.held import Held
from dwbatch.job.rows import View, gathered
from dwbatch.outcome import answer_columns

# Neither is an error: the one is an answer, the other may become one.
NO_ERROR = [Status.OK.value, Status.PENDING.value]


def answers(
    held: Held, view: View, shards: Sequence[Shard], live: Sequence[tuple[Shard, pa.Table]] = ()
) -> pd.DataFrame:
    """The frame of a view with the answer columns that `dwbatch.run` would give it."""
    return view.merged(_columns(held, view, shards, live))


def errors(
    held: Held, view: View, shards: Sequence[Shard], live: Sequence[tuple[Shard, pa.Table]] = ()
) -> pd.DataFrame:
    """The rows that ended in anything but an answer, under the labels of the frame."""
    found = gathered(held, view, shards, live)
    columns = answer_columns(view.naming, view.rows, found)
    output = view.naming.output
    told = {
        "custom_id": found.column("custom_id"),
        "status": columns[f"{output}_status"],
        "error_code": columns[f"{output}_error_code"],
        "error": columns[f"{output}_error"],
        "raw": found.column("content"),
        "body": found.column("body"),
    }
    series = {name: pd.Series(to_pandas(values), index=view.frame.index) for name, values in told.items()}
    frame = pd.DataFrame(series, index=view.frame.index)
    return frame[~frame["status"].isin(NO_ERROR)]


def _columns(
    held: Held, view: View, shards: Sequence[Shard], live: Sequence[tuple[Shard, pa.Table]]
) -> dict[str, Column]:
    return answer_columns(view.naming, view.rows, gathered(held, view, shards, live))
