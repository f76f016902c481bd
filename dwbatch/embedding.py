"""Embeddings: texts of a frame to vectors, by the same road as any other request."""

from typing import Any, TypeVar, Unpack, overload

import pandas as pd

from dwbatch.asking_vectors import ask_embedding
from dwbatch.call import Call, prepare
from dwbatch.embed_options import EmbedOptions, shows_embed_options, take_embed_options
from dwbatch.frames import as_frame
from dwbatch.job.held import Wording
from dwbatch.job.submitting import told_with_job
from dwbatch.options import Options
from dwbatch.other_frames import ArrowStream, Partitions, emptied, in_kind, own_door
from dwbatch.sending import carry_out

ArrowFrame = TypeVar("ArrowFrame", bound=ArrowStream)
DaskFrame = TypeVar("DaskFrame", bound=Partitions)


@overload
def embed(
    frame: "pd.DataFrame | pd.Series[str]", text: str | None = None, **options: Unpack[EmbedOptions]
) -> pd.DataFrame: ...
@overload
def embed(frame: ArrowFrame, text: str | None = None, **options: Unpack[EmbedOptions]) -> ArrowFrame: ...
@overload
def embed(frame: DaskFrame, text: str | None = None, **options: Unpack[EmbedOptions]) -> DaskFrame: ...
@shows_embed_options
def embed(frame: Any, text: str | None = None, **options: Unpack[EmbedOptions]) -> Any:
    """A new frame with a vector, or the reason there is none, on every row.

    Parameters
    ----------
    frame : DataFrame or Series, or any frame that speaks Arrow
        As for `dwbatch.run`.
    text : str, optional
        The name of a column, or a template such as ``"{title}. {body}"``. May be left out where
        there is but one column.
    model : str or mapping of str to str
        The model's name, or several with a label each, as for `dwbatch.run`.
    dimensions : int, optional
        Length of the vectors, where the model can make shorter ones than its own.
    output : str, default "embedding"
        Name of the column of vectors; its companions are named after it.
    **options
        As for `dwbatch.run`; what means nothing for a vector (``temperature``, ``system``,
        ``response_format`` and their like) is refused by name.

    Returns
    -------
    DataFrame
        The rows of `frame`, and the columns ``embedding`` (numpy arrays of float32, None where there is
        none: never zeros), ``embedding_status``, ``embedding_error_code`` and ``embedding_error``. A vector
        of another length than `dimensions`, or than most vectors of its model in this frame, is ``invalid``, and so
        is one that holds NaN or infinity.

    Raises
    ------
    InputError
        Wrong input; all of it is named, and nothing was sent.
    CredentialsError, CheckpointError, ApiError, TransportError, JobStoppedError, JobTimeoutError
        As for `dwbatch.run`.

    Notes
    -----
    Vectors travel as base64 of float32, which is exact and takes half of the bytes of JSON's numbers; a
    server that answers with numbers all the same is read too, and ``extra_body={"encoding_format": "float"}``
    asks for them. The checkpoint keeps the vectors as typed lists, four bytes a number, and not the bodies.

    Examples
    --------
    >>> import dwbatch, dwbatch.local
    >>> frame = pd.DataFrame({"text": ["lovely", None]})
    >>> with dwbatch.local.Server() as server:
    ...     out = dwbatch.embed(frame, "text", model="echo", dimensions=4, base_url=server.base_url,
    ...                         checkpoint=False, progress=False)
    >>> out["embedding"][0].shape, out["embedding"][1], out["embedding_status"].tolist()
    ((4,), None, ['ok', 'skipped'])
    """
    if (door := own_door(frame)) is not None:
        return door.embed(text, **emptied(options))
    taken = take_embed_options(options)
    return in_kind(
        frame,
        lambda held: prepare(held, _text(text, held), taken, ask=ask_embedding),
        lambda call: _carried(call, taken),
        call="embed",
    )


def embedded(frame: "pd.DataFrame | pd.Series[str]", text: str | None, options: Options) -> pd.DataFrame:
    """What `embed` returns, for a door that has read the options itself."""
    rows = as_frame(frame, call="embed")
    return _carried(prepare(rows, _text(text, rows), options, ask=ask_embedding), options)


def _text(text: str | None, frame: pd.DataFrame) -> str | None:
    return frame.columns[0] if text is None and len(frame.columns) == 1 else text


def _carried(call: Call, options: Options) -> pd.DataFrame:
    with told_with_job(call, Wording(str(call.asking.written["text"]), options)):
        return carry_out(call)[0]
