"""The requests of the first rows, word for word as they would be sent."""

from typing import Unpack

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.call import Call, custom_ids_of, prepare
from dwbatch.frames import to_pandas
from dwbatch.given import take_options
from dwbatch.limits import Problems, check_range
from dwbatch.options import Options, Prompt, RunOptions, shows_options
from dwbatch.other_frames import AnyFrame, emptied, in_pandas, own_door
from dwbatch.prompts.requests import write_lines

# A line begins with its body.
BEFORE_BODY = b'{"body":'


@shows_options
def preview(
    frame: AnyFrame,
    prompt: Prompt | None = None,
    *,
    rows: int = 3,
    **options: Unpack[RunOptions],
) -> pd.DataFrame:
    """The requests of the first rows; nothing is sent, no folder is made and no key is needed.

    Parameters
    ----------
    frame : DataFrame, Series, or any frame that speaks Arrow
    prompt : str, list or callable, optional
        As in `dwbatch.run`, like every other option.
    rows : int, default 3
        How many rows to show.

    Returns
    -------
    DataFrame
        The index of the rows shown (each once a model, where several are asked), and the columns ``custom_id``; ``body``, the JSON text of the
        request body as it would be sent; and ``skipped``, the error code of a row that makes no
        request, null where it makes one. Equal rows share the first one's custom_id.

    Raises
    ------
    InputError
        Wrong input, as `dwbatch.run` would find it; only the rows shown are looked at.

    Examples
    --------
    >>> import dwbatch
    >>> frame = pd.DataFrame({"text": ["lovely", None]})
    >>> shown = dwbatch.preview(frame, "Is this positive? {text}", model="m", base_url="local")
    >>> shown.loc[0, "body"]
    '{"messages":[{"content":"Is this positive? lovely","role":"user"}],"model":"m"}'
    >>> shown.loc[1, "skipped"]
    'null_input'
    """
    if (door := own_door(frame)) is not None:
        shown: pd.DataFrame = door.preview(prompt, rows=rows, **emptied(options))
        return shown
    return previewed(frame, prompt, rows, take_options(options, call="preview"))


def previewed(frame: AnyFrame, prompt: Prompt | None, rows: int, options: Options) -> pd.DataFrame:
    """What `preview` returns, for a door that has read the options itself."""
    problems = Problems()
    check_range(problems, "rows", rows, least=0, whole=True)
    problems.raise_if_any()
    whole = in_pandas(frame, call="preview")
    call = prepare(whole.head(int(rows)), prompt, options, sends=False)
    custom_ids, bodies = _custom_ids_and_bodies(call, n_rows=len(whole))
    columns = {"custom_id": custom_ids, "body": bodies, "skipped": call.rows.skipped}
    return pd.DataFrame({name: to_pandas(column) for name, column in columns.items()}, index=call.frame.index)


def _custom_ids_and_bodies(call: Call, *, n_rows: int) -> tuple[pa.Array, pa.Array]:
    """Of each row, null where it makes no request; bodies are cut out of the lines that would be sent."""
    models = 1 if call.lineup is None else len(call.lineup.names)
    custom_ids = custom_ids_of(call, call.asked, n_rows=n_rows * models)
    lines = write_lines(
        call.columns,
        call.asking.recipe,
        rows=call.asked.positions,
        custom_ids=custom_ids,
        occurrences=call.rows.occurrences[call.asked.positions],
    )
    texts = [text.encode() for slab in lines for text in slab.texts.to_pylist()]
    sizes = call.rows.body_sizes[call.asked.positions].tolist()
    bodies = [text[len(BEFORE_BODY) :][:size].decode() for text, size in zip(texts, sizes, strict=True)]
    places = pc.index_in(call.rows.keys, value_set=call.asked.keys)
    return custom_ids.cast(pa.string()).take(places), pa.array(bodies, pa.string()).take(places)
