"""`dwbatch.run_parquet`: what is asked of which files, checked before anything is sent."""

from collections.abc import Sequence
from dataclasses import replace
from os import environ
from typing import Unpack

import pyarrow.fs as pafs

from dwbatch.asking import ask
from dwbatch.call import naming_of, warn_of_equal_rows
from dwbatch.checkpoint.disk import Disk
from dwbatch.connect import find_server, without_key
from dwbatch.errors import InputError
from dwbatch.given import take_options
from dwbatch.options import Options, RunOptions, shows_options
from dwbatch.parquet.calling import FilesCall, refuse_columns, rendered_files
from dwbatch.parquet.carrying import ROW_GROUP_ROWS, Output, carry_out
from dwbatch.parquet.destination import Destination, IfExists, Origin
from dwbatch.parquet.files import Files, Place, find_files, locate
from dwbatch.parquet.report import ParquetReport


@shows_options
def run_parquet(
    source: Place | Sequence[Place],
    destination: Place,
    prompt: object = None,
    *,
    columns: Sequence[str] | None = None,
    filters: object = None,
    filesystem: pafs.FileSystem | None = None,
    if_exists: IfExists | None = None,
    row_group_size: int = ROW_GROUP_ROWS,
    **options: Unpack[RunOptions],
) -> ParquetReport:
    """Answer every row of parquet files, and write the rows with their answers; larger than memory.

    The source is read once for the keys of its rows, and once more, shard by shard, for what is sent; what
    stays in memory is some sixty bytes a row. Killed anywhere, the same call goes on. Run again, it brings
    the destination up to date and sends only rows that are new or changed.

    Parameters
    ----------
    source : path, URI or list of them
        A file, a folder (partitions as in ``year=2026/``), a glob, or several files, local or on any
        filesystem of `pyarrow.fs` (``s3://``, ``gs://``).
    destination : path or URI
        One file if it ends in ``.parquet``; else a folder with one file for each of the source, and
        ``_SUCCESS`` when all of them are whole.
    prompt : str, list of parts or callable, optional
        As in `dwbatch.run`, which also tells of all other keywords.
    columns : list of str, optional
        Columns of the source that the destination keeps; all unless said.
    filters : list of tuples or Expression, optional
        Which rows count, as in `pandas.read_parquet`.
    filesystem : pyarrow.fs.FileSystem, optional
        Of source and destination both; else their URIs say it.
    if_exists : {"replace", "append"}, optional
        A destination that this recipe wrote is brought up to date, any other is refused unless this
        is said. ``"append"`` adds files to a folder.
    row_group_size : int, default 131,072
        Most rows of a row group.

    Returns
    -------
    ParquetReport
        Counts, tokens and paths; ``_SUCCESS``, or ``<destination>.summary.json`` beside one file, holds the same.

    Raises
    ------
    InputError
        Wrong input, or a file that vanished. Nothing was sent, unless the sentence says otherwise.
    CredentialsError, CheckpointError, ApiError, TransportError, JobStoppedError, JobTimeoutError
        As `dwbatch.run`.

    Notes
    -----
    The checkpoint stands beside a local destination, as ``<destination>.dwbatch``, wherever the process
    runs; a remote one needs ``checkpoint=`` or ``DWBATCH_HOME``. A `custom_id` template keeps its columns in
    memory, to compare every custom_id with every other.

    Examples
    --------
    >>> import tempfile, pandas, dwbatch, dwbatch.local
    >>> with tempfile.TemporaryDirectory() as folder, dwbatch.local.Server() as server:
    ...     pandas.DataFrame({"text": ["lovely", None]}).to_parquet(f"{folder}/in.parquet")
    ...     report = dwbatch.run_parquet(f"{folder}/in.parquet", f"{folder}/out.parquet", "Is this positive? {text}",
    ...                                  model="echo", base_url=server.base_url, progress=False)
    >>> report.rows, report.ok, report.codes
    (2, 1, {'null_input': 1})
    """
    chosen = take_options(options, call="run_parquet")
    return carry_out(
        *prepared(
            source,
            destination,
            prompt,
            chosen,
            columns=columns,
            filters=filters,
            filesystem=filesystem,
            if_exists=if_exists,
            row_group_size=row_group_size,
        )
    )


def prepared(
    source: Place | Sequence[Place],
    destination: Place,
    prompt: object,
    chosen: Options,
    *,
    columns: Sequence[str] | None = None,
    filters: object = None,
    filesystem: pafs.FileSystem | None = None,
    if_exists: IfExists | None = None,
    row_group_size: int = ROW_GROUP_ROWS,
    sends: bool = True,
) -> tuple[FilesCall, Output]:
    """The call on some files, checked and rendered, and where it writes: for a door that has read the options itself.

    Parameters
    ----------
    sends : bool
        Whether the call will speak to the server. One that does not needs no key.

    Raises
    ------
    InputError, CredentialsError
        If anything is wrong. Nothing was sent.
    """
    _refuse_values(chosen, if_exists, row_group_size)
    files = find_files(source, filesystem=filesystem, filters=filters)
    where, path = locate(destination, filesystem)
    target = Destination(where, path, Disk())
    _refuse_inside(files, target)
    chosen = _placed(chosen, target)
    asking = ask(prompt, chosen, files.schema.names)
    kept = tuple(files.schema.names if columns is None else columns)
    refuse_columns(files, kept, naming_of(chosen, asking), overwrite=chosen.overwrite)
    connection = (
        find_server(chosen.base_url, chosen.api_key, chosen.session)
        if sends
        else without_key(chosen.base_url)
    )
    output = Output(
        destination=target,
        origin=Origin(asking.hash(connection.server), chosen.output),
        if_exists=if_exists,
        row_group_size=row_group_size,
    )
    target.refuse_foreign(output.origin, if_exists)
    if not target.is_file:
        # The destination's paths tell them as the source's do, and pandas reads no column that is told twice.
        kept = tuple(name for name in kept if name not in files.told_by_paths)
    call = rendered_files(files, asking, connection, chosen, kept=kept)
    if sends:
        warn_of_equal_rows(call)
    return call, output


def _placed(options: Options, target: Destination) -> Options:
    """The options with a checkpoint beside a local destination: cron's working directory may be ``/``."""
    if options.checkpoint is not None:
        return options
    if target.is_local:
        return replace(options, checkpoint=f"{target.path}.dwbatch")
    if environ.get("DWBATCH_HOME"):
        return options
    raise InputError.nothing_sent(
        f"{target.path!r} stands on a remote filesystem, so say where ids and answers are kept: checkpoint= a local "
        "folder, or DWBATCH_HOME."
    )


def _refuse_values(options: Options, if_exists: object, row_group_size: object) -> None:
    if not isinstance(options.model, str):
        raise InputError.nothing_sent(
            "run_parquet() takes one model=, or a template such as '{model}' that names it row by row. To ask several "
            "models of every row, make one call for each: with a model=, an output= and a destination of its own, and "
            "the destination of the one before as its source, which gives one file with the answers of all."
        )
    if if_exists not in {None, "replace", "append"}:
        raise InputError.nothing_sent(f"if_exists= takes 'replace' or 'append'; got {if_exists!r}.")
    if isinstance(row_group_size, bool) or not isinstance(row_group_size, int) or row_group_size < 1:
        raise InputError.nothing_sent(f"row_group_size= takes a number of rows; got {row_group_size!r}.")


def _refuse_inside(files: Files, target: Destination) -> None:
    """Refuse a destination that the next run would read as its source."""
    is_read = any(f"{target.path}/".startswith(f"{folder}/") for folder in files.searched)
    if is_read or target.path in files.paths:
        raise InputError.nothing_sent(
            f"The destination {target.path!r} stands in the source, so the next run would read its own answers. "
            "Give a destination outside of it."
        )
