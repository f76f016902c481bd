"""`dwbatch.read_results`: result files from anywhere as one frame."""

import warnings
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.answers.decode import decode
from dwbatch.answers.pick import best
from dwbatch.answers.results import LINES
from dwbatch.columns import ErrorCode
from dwbatch.errors import InputError
from dwbatch.frames import to_pandas

BLOCK_BYTES = 1 << 20
# What ids of a line mean is known to its server alone; nothing of a frame is keyed by them.
LEFT_OUT = frozenset({"line_id"})


class ResultsWarning(UserWarning):
    """Some lines of a result file cannot be read.

    Examples
    --------
    >>> import dwbatch, pathlib, tempfile, warnings
    >>> with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     path = pathlib.Path(folder, "output.jsonl")
    ...     _ = path.write_text("no JSON at all")
    ...     frame = dwbatch.read_results(path)
    >>> [warning.category.__name__ for warning in caught], len(frame)
    (['ResultsWarning'], 0)
    """


def read_results(*paths: str | PathLike[str]) -> pd.DataFrame:
    """Downloaded output and error files as one frame, whichever server of the kind wrote them.

    Parameters
    ----------
    *paths : path
        Output and error files of any number of batches, the older ones first. Which is which does not matter.

    Returns
    -------
    DataFrame
        One row a custom_id, in the order in which the results stand: ``custom_id``, ``status``, ``error_code`` and
        ``error`` (as in the table of `dwbatch.run`), ``content`` (the answer's text), ``finish_reason``, ``model``,
        ``prompt_tokens``, ``completion_tokens``, ``body`` (JSON text of what came back) and ``embedding``. Of
        several results of one custom_id the best stands, and among equals the last.

    Raises
    ------
    InputError
        If a file cannot be read. A line that is no result is never an error.

    Warns
    -----
    ResultsWarning
        If lines cannot be read: counted, and in the frame as ``malformed_line`` where they show their custom_id.

    Examples
    --------
    >>> import dwbatch, pathlib, tempfile
    >>> line = '{"custom_id": "a", "response": {"status_code": 429, "body": {}}, "error": null}'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "output.jsonl")
    ...     _ = path.write_text(line)
    ...     results = dwbatch.read_results(path)
    >>> results.loc[0, ["custom_id", "status", "error_code"]].tolist()
    ['a', 'failed', 'http_429']
    """
    tables = [LINES.empty_table()]
    for path in paths:
        place = Path(path).expanduser()
        try:
            tables.append(decode(_blocks(place)))
        except OSError as error:
            raise InputError(f"{str(place)!r} cannot be read: {error.strerror or error}.") from error
    lines = pa.concat_tables(tables)
    _warn_of_malformed(lines)
    results = best(lines, "custom_id")
    return pd.DataFrame(
        {
            name: to_pandas(results[name].combine_chunks())
            for name in results.column_names
            if name not in LEFT_OUT
        }
    )


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def _warn_of_malformed(lines: pa.Table) -> None:
    malformed = lines.filter(pc.equal(lines["error_code"], ErrorCode.MALFORMED_LINE.value))
    if not len(malformed):
        return
    nameless = malformed["custom_id"].null_count
    warnings.warn(
        f"{len(malformed):,} of {len(lines):,} lines are no results that can be read; {nameless:,} of them do not show "
        "their custom_id, and are left out.",
        ResultsWarning,
        stacklevel=3,
    )
