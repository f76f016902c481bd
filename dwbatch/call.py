"""One call, checked in every argument and rendered once; nothing of it is sent yet."""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.asking import Asking, ask
from dwbatch.connect import Connection, find_server, without_key
from dwbatch.engine.again import Judge
from dwbatch.engine.source import FrameSource, Source
from dwbatch.engine.wanted import Wanted, wanted
from dwbatch.errors import InputError
from dwbatch.frames import column_names, read_columns, refuse_collisions, with_answers
from dwbatch.holding import Column, Measure
from dwbatch.lineup import Lineup, groups_of, lineup_of, takes_several_models
from dwbatch.options import Options
from dwbatch.outcome import Naming
from dwbatch.prompts.custom_ids import render_custom_ids
from dwbatch.prompts.identity import default_custom_id_sizes, default_custom_ids
from dwbatch.prompts.requests import line_overhead, read_rows
from dwbatch.prompts.rows import Rows
from dwbatch.prompts.template import Template
from dwbatch.prompts.values import Values

FIRST_ROWS = 5

Ask = Callable[[object, Options, Sequence[str]], Asking]


class EqualRowsWarning(UserWarning):
    """More than half of the rows make the same request as an earlier row.

    Examples
    --------
    >>> import dwbatch, pandas, warnings
    >>> frame = pandas.DataFrame({"text": ["lovely"] * 3})
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     plan = frame.doubleword.plan("{text}", model="m", checkpoint=False)
    >>> [warning.category.__name__ for warning in caught]
    ['EqualRowsWarning']
    """


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose every argument is checked; nothing has been sent.

    Parameters
    ----------
    frame : pd.DataFrame
    options : Options
    asking : Asking
    connection : Connection
    columns : mapping of str to Values
        What the templates name.
    rows : Rows
    asked : Wanted
        The distinct requests.
    lineup : Lineup or None
        The models, where several are asked; `frame` has every row once for each of them.
    """

    frame: pd.DataFrame
    options: Options
    asking: Asking
    connection: Connection
    columns: dict[str, Values]
    rows: Rows
    asked: Wanted
    lineup: Lineup | None = None

    @property
    def recipe_hash(self) -> str:
        """Hash of the recipe at this server."""
        return self.asking.hash(self.connection.server)

    @property
    def source(self) -> Source:
        """Where the request lines come from."""
        return FrameSource(self.columns, self.asking.recipe, self.rows)

    @property
    def is_streamed(self) -> bool:
        """Whether its rows may be more than fit into memory, or onto this disk as request files."""
        return False

    @property
    def duplicates(self) -> int:
        """Rows that another row's request answers."""
        asking: int = len(self.rows) - self.rows.keys.null_count
        return asking - len(self.asked)

    @property
    def groups(self) -> np.ndarray | None:
        """Which rows may share a file; None where all may."""
        model = self.asking.body["model"]
        if not isinstance(model, Template) or takes_several_models(self.connection.server):
            return None
        return groups_of(model, self.columns, len(self.rows))

    def merged(self, columns: Mapping[str, Column]) -> pd.DataFrame:
        """The user's frame with the answer columns, of which each has one value a row of `frame`."""
        if self.lineup is None:
            return with_answers(self.frame, columns)
        return self.lineup.merged(naming_of(self.options, self.asking), columns)


def prepare(
    frame: pd.DataFrame, prompt: object, options: Options, *, sends: bool = True, ask: Ask = ask
) -> Call:
    """Check everything and render every row once.

    Parameters
    ----------
    frame : DataFrame
    prompt : str or None
    options : Options
    sends : bool
        Whether the call will speak to the server. One that does not needs no key, and looks for none.
    ask : callable
        Reads what the call asks.

    Raises
    ------
    InputError, CredentialsError
        If anything is wrong. Nothing was sent.
    """
    lineup = lineup_of(frame, options.model)
    if lineup is None:
        return _rendered(frame, ask(prompt, options, column_names(frame)), options, sends=sends)
    long, asked = lineup.long(), lineup.asked(options)
    asking = ask(prompt, asked, column_names(long))
    lineup.refuse_collisions(naming_of(options, asking), overwrite=options.overwrite)
    return replace(_rendered(long, asking, asked, sends=sends), lineup=lineup)


def _rendered(frame: pd.DataFrame, asking: Asking, options: Options, *, sends: bool) -> Call:
    refuse_collisions(frame, naming_of(options, asking).all(), overwrite=options.overwrite)
    connection = (
        find_server(options.base_url, options.api_key, options.session)
        if sends
        else without_key(options.base_url)
    )
    columns = read_columns(frame, asking.columns)
    rows = read_rows(
        columns,
        asking.recipe,
        n_rows=len(frame),
        dedupe=options.dedupe is not False,
        max_bytes=options.max_bytes_per_batch - line_overhead(asking.recipe.endpoint) - 64,
    )
    call = Call(frame, options, asking, connection, columns, rows, wanted(rows))
    refuse_what_never_works(call)
    _refuse_nulls(call)
    if asking.custom_id is not None:
        render_custom_ids(asking.custom_id, columns, call.asked.positions)
    if sends:
        warn_of_equal_rows(call)
    return call


def naming_of(options: Options, asking: Asking) -> Naming:
    """How the answer columns of a call are called."""
    return Naming(options.output, options.details, _measure(asking), options.prefix or "")


def judge_of(asking: Asking) -> Judge | None:
    """What holds answers to what a call asked for."""
    return _measure(asking).judge()


def _measure(asking: Asking) -> Measure:
    return Measure(asking.answer_format, asking.samples, asking.vectors)


def refuse_what_never_works(call: Call) -> None:
    """Refuse a callable that makes no request of any row, with what it raised first.

    Raises
    ------
    InputError
    """
    rows = call.rows
    if rows.raised is not None and rows.keys.null_count == len(rows):
        error = rows.raised
        raise InputError.nothing_sent(
            f"The callable makes no request of any of the {len(rows):,} rows; it first raised "
            f"{type(error).__name__}: {error}."
        ) from error


def _refuse_nulls(call: Call) -> None:
    nulls = np.flatnonzero(
        np.asarray(pc.fill_null(pc.equal(call.rows.skipped, "null_input"), fill_value=False))
    )
    if call.options.on_null == "raise" and len(nulls):
        labels = ", ".join(repr(label) for label in call.frame.index[nulls[:FIRST_ROWS]])
        more = f" and {len(nulls) - FIRST_ROWS} more" if len(nulls) > FIRST_ROWS else ""
        raise InputError.nothing_sent(
            f"The prompt names a column that is null in the rows {labels}{more}. Fill or drop them, or say "
            "on_null='skip' (no request) or on_null='render' (empty text)."
        )


def warn_of_equal_rows(call: Call) -> None:
    """Say so where most rows share a request and nobody said that this is meant."""
    options = call.options
    is_said = options.dedupe is not None or options.temperature == 0 or options.seed is not None
    if not is_said and call.duplicates * 2 > len(call.rows):
        warnings.warn(
            f"{call.duplicates:,} of {len(call.rows):,} rows make the same request as an earlier row; each distinct "
            "request is sent once and its answer stands on every such row. Say dedupe=True if that is meant, or "
            "dedupe=False for a sample of its own on every row.",
            EqualRowsWarning,
            stacklevel=_outside(),
        )


def _outside() -> int:
    """How many frames up the caller's own code is."""
    package, depth, at = __name__.partition(".")[0], 1, sys._getframe(1)  # noqa: SLF001 - there is no public way in 3.11
    while at.f_back is not None and str(at.f_globals.get("__name__", "")).partition(".")[0] == package:
        at, depth = at.f_back, depth + 1
    return depth


def custom_ids_of(call: Call, to_send: Wanted, *, n_rows: int | None = None) -> pa.Array:
    """custom_ids of some requests, a large_string array; `n_rows` if the frame is only part of one."""
    if call.asking.custom_id is not None:
        return render_custom_ids(call.asking.custom_id, call.columns, to_send.positions)
    return default_custom_ids(
        call.options.name, to_send.positions, to_send.keys, n_rows=n_rows or len(call.rows)
    )


def line_sizes(call: Call, to_send: Wanted) -> np.ndarray:
    """Bytes of the lines of some requests, each with its newline."""
    if call.asking.custom_id is None:
        lengths = default_custom_id_sizes(call.options.name, to_send.positions, n_rows=len(call.rows))
    else:
        custom_ids = custom_ids_of(call, to_send)
        # A quote or backslash in a custom_id takes one byte more in JSON.
        escaped = pc.add(pc.count_substring(custom_ids, '"'), pc.count_substring(custom_ids, "\\"))
        lengths = np.asarray(pc.add(pc.binary_length(custom_ids).cast(pa.int64()), escaped), dtype=np.int64)
    sizes: np.ndarray = call.rows.body_sizes[to_send.positions] + lengths
    return sizes + line_overhead(call.asking.recipe.endpoint)
