"""Rows of a frame joined to requests by a custom_id that the frame itself can say."""

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.checkpoint.shard import Shard
from dwbatch.errors import InputError
from dwbatch.frames import as_frame, column_names, read_columns
from dwbatch.job.held import Held
from dwbatch.job.rows import View, every_request, recorded_naming, unskipped
from dwbatch.prompts.encode import join, split_at_slots
from dwbatch.prompts.template import check, parse
from dwbatch.prompts.values import render

SHOWN = 5


def view_on(held: Held, frame: "pd.DataFrame | pd.Series[str]", on: str, shards: Sequence[Shard]) -> View:
    """The rows of a frame, each with the request whose custom_id it says.

    Parameters
    ----------
    held : Held
    frame : DataFrame or Series
    on : str
        A column that holds custom_ids, or a template of them such as ``"user-{user_id}"``.
    shards : sequence of Shard

    Raises
    ------
    InputError
        If two rows say the same custom_id: which of them is meant, nobody can tell.
    """
    rows = as_frame(frame, call="result")
    custom_ids = _custom_ids(rows, on)
    counts = pc.value_counts(pc.drop_null(custom_ids)).to_pylist()
    repeated = [repr(each["values"]) for each in counts if each["counts"] > 1]
    if repeated:
        raise InputError.nothing_sent(
            f"on={on!r} gives several rows the same custom_id: {', '.join(repeated[:SHOWN])}"
            f"{f' and {len(repeated) - SHOWN} more' if len(repeated) > SHOWN else ''}. Name what tells the rows apart."
        )
    requests = every_request(held.checkpoint, shards)
    places = pc.index_in(custom_ids, value_set=requests["custom_id"].combine_chunks().cast(custom_ids.type))
    if len(rows) and places.null_count == len(rows):
        raise InputError.nothing_sent(
            f"on={on!r} gives no row a custom_id of this job; the first would be {custom_ids[0].as_py()!r}, and the job has "
            f"{requests['custom_id'][0].as_py() if len(requests) else None!r}."
        )
    keys = requests["answers_key"].combine_chunks().take(places)
    naming = recorded_naming(held.checkpoint, shards)
    return View(rows, unskipped(keys), naming, naming.measure.judge())


def _custom_ids(frame: pd.DataFrame, on: str) -> pa.Array:
    # The name of a column is meant as its values.
    template = parse(f"{{{on}}}" if on in column_names(frame) else on, where="on")
    check([("on", template)], column_names(frame))
    columns = read_columns(frame, list(dict.fromkeys(slot.name for slot in template.slots)))
    rendered = {slot: render(columns[slot.name], slot) for slot in dict.fromkeys(template.slots)}
    shape = split_at_slots(template.parts)
    return join(shape.fragments, [rendered[slot].texts for slot in template.slots], n_rows=len(frame))
