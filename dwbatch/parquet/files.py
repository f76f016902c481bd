"""The files of a parquet job's source: found once, in one order, read row group by row group."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from dwbatch.errors import InputError, first_line

Place = str | PathLike[str]
WILD = frozenset("*?[")

# Rows decoded at once: enough to keep the kernels busy, little enough to hold twice.
BATCH_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that stand together in one file: a row group, or what the filters leave of it.

    Parameters
    ----------
    file : int
        Place of its file in `Files.paths`.
    fragment : pyarrow.dataset.Fragment
        What reads it.
    """

    file: int
    fragment: Any


@dataclass(frozen=True, slots=True)
class Files:
    """The parquet files of a source, with one schema for all of them.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
    root : str
        The folder that `paths` are told apart under.
    searched : tuple of str
        Folders in which every file counts.
    paths : tuple of str
        In the order of their rows.
    schema : pa.Schema
        Every column of any file, columns of the partitioning among them.
    told_by_paths : tuple of str
        Columns of the partitioning that no file holds.
    fragments : tuple
        One a file.
    filters : pyarrow.compute.Expression or None
        Which rows count.
    """

    filesystem: pafs.FileSystem
    root: str
    searched: tuple[str, ...]
    paths: tuple[str, ...]
    schema: pa.Schema
    told_by_paths: tuple[str, ...]
    fragments: tuple[Any, ...]
    filters: Any = None

    def blocks(self) -> Iterator[Block]:
        """Every row group, in the order of the rows."""
        for file, fragment in enumerate(self.fragments):
            for group in fragment.split_by_row_group():
                yield Block(file, group)

    def read(self, block: Block, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of a block, some columns of them.

        Raises
        ------
        InputError
            If the file is not there any more, or cannot be read.
        """
        try:
            yield from block.fragment.to_batches(
                schema=self.schema,
                columns=list(columns),
                filter=self.filters,
                batch_size=BATCH_ROWS,
                batch_readahead=1,
                fragment_readahead=1,
            )
        except (OSError, pa.ArrowException) as error:
            raise InputError(
                f"{self.paths[block.file]!r} cannot be read any more ({first_line(error)}). What was bought is "
                "kept; put the file back, or take it out of the source, and run the same call again."
            ) from error

    def relative(self, file: int) -> str:
        """Path of a file below the source's root."""
        return posixpath.relpath(self.paths[file], self.root) if self.root else self.paths[file]


def find_files(
    source: Place | Sequence[Place], *, filesystem: pafs.FileSystem | None = None, filters: object = None
) -> Files:
    """Find the files of a source and agree on their schema; only footers are read.

    Parameters
    ----------
    source : path, URI or list of them
        A file, a folder (partitions as in ``year=2026/``), a glob, or several files. Files of a folder
        or glob count in the order of their paths, a list in its own.
    filesystem : pyarrow.fs.FileSystem, optional
        Else the local one, or the one that the URI names.
    filters : list of tuples or Expression, optional
        As in `pandas.read_parquet`.

    Raises
    ------
    InputError
        If nothing is there, a file is not parquet, or two files disagree about a column's type.
    """
    given = [source] if isinstance(source, str | PathLike) else list(source)
    if not given:
        raise InputError.nothing_sent("The source names no file.")
    located = [locate(place, filesystem) for place in given]
    where = located[0][0]
    if any(type(other) is not type(where) for other, _ in located):
        raise InputError.nothing_sent("The files of a source stand on one filesystem; got several.")
    root, searched, paths = _expand(
        where, [path for _, path in located], is_list=not isinstance(source, str | PathLike)
    )
    if not paths:
        raise InputError.nothing_sent(f"There is no parquet file at {_told(given)}.")
    import pyarrow.dataset as ds  # noqa: PLC0415 - a twelfth of what importing dwbatch would take

    partitioning = ds.HivePartitioning.discover(infer_dictionary=False)
    try:
        dataset = ds.dataset(
            paths,
            format="parquet",
            filesystem=where,
            partitioning=partitioning,
            partition_base_dir=root or None,
        )
    except (OSError, pa.ArrowException) as error:
        raise InputError.nothing_sent(f"The source cannot be read: {first_line(error)}") from error
    fragments = {fragment.path: fragment for fragment in dataset.get_fragments()}
    ordered = tuple(fragments[path] for path in paths)
    schema = _one_schema(ordered, paths, dataset.schema)
    held = {name for fragment in ordered for name in fragment.physical_schema.names}
    return Files(
        filesystem=where,
        root=root,
        searched=searched,
        paths=tuple(paths),
        schema=schema,
        told_by_paths=tuple(name for name in schema.names if name not in held),
        fragments=ordered,
        filters=_expression(filters),
    )


def locate(place: Place, filesystem: pafs.FileSystem | None = None) -> tuple[pafs.FileSystem, str]:
    """The filesystem of a path or URI, and the path within it."""
    text = fspath(place)
    if filesystem is not None:
        return filesystem, text.rstrip("/")
    if "://" in text:
        try:
            found, path = pafs.FileSystem.from_uri(text)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise InputError.nothing_sent(f"{text!r} cannot be used: {first_line(error)}") from error
        return found, path.rstrip("/")
    return pafs.LocalFileSystem(), absolute(text)


def absolute(text: str) -> str:
    """A local path in full, with forward slashes as Arrow wants them."""
    return Path(text).expanduser().absolute().as_posix()


def _expand(
    where: pafs.FileSystem, paths: list[str], *, is_list: bool
) -> tuple[str, tuple[str, ...], list[str]]:
    """The folder above all files, the folders that were searched, and the files; hidden ones are left out."""
    found: list[str] = []
    roots, searched = [], []
    for path in paths:
        if WILD & set(path):
            base = posixpath.dirname(path[: min(path.index(sign) for sign in WILD if sign in path)])
            roots.append(base)
            searched.append(base)
            found += [each for each in _below(where, base) if _matches(each, path)]
            continue
        kind = where.get_file_info(path).type
        if kind is pafs.FileType.NotFound:
            raise InputError.nothing_sent(f"{path!r} does not exist.")
        if kind is pafs.FileType.Directory:
            roots.append(path)
            searched.append(path)
            found += [each for each in _below(where, path) if each.endswith((".parquet", ".pq"))]
        else:
            roots.append(posixpath.dirname(path))
            found.append(path)
    repeated = sorted({path for path in found if found.count(path) > 1}) if is_list else []
    if repeated:
        raise InputError.nothing_sent(f"The source names {repeated[0]!r} twice.")
    return posixpath.commonpath(roots), tuple(searched), found


def _below(where: pafs.FileSystem, folder: str) -> list[str]:
    listed = where.get_file_info(pafs.FileSelector(folder, recursive=True, allow_not_found=True))
    return sorted(
        each.path
        for each in listed
        if each.type is pafs.FileType.File and not _is_hidden(posixpath.relpath(each.path, folder))
    )


def _is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in path.split("/"))


def _matches(path: str, pattern: str) -> bool:
    """As a shell does: a star stays within its folder, two go below it."""
    return _parts_match(path.split("/"), pattern.split("/"))


def _parts_match(parts: list[str], patterns: list[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_parts_match(parts[skip:], patterns[1:]) for skip in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _parts_match(parts[1:], patterns[1:])


def _one_schema(fragments: Sequence[Any], paths: Sequence[str], partitions: pa.Schema) -> pa.Schema:
    """The schema of all files together; a column that one of them lacks is null there."""
    merged = fragments[0].physical_schema
    for fragment, path in zip(fragments[1:], paths[1:], strict=True):
        try:
            merged = pa.unify_schemas([merged, fragment.physical_schema], promote_options="permissive")
        except pa.ArrowException as error:
            raise InputError.nothing_sent(
                f"The files of the source disagree: {path!r} has another type than the files before it "
                f"({first_line(error)}). Cast it there, or name only files of one schema."
            ) from error
    for field in partitions:
        if field.name not in merged.names:
            merged = merged.append(field)
    # What pandas wrote about dtypes is worth keeping; the rest speaks of one file alone.
    pandas = (fragments[0].physical_schema.metadata or {}).get(b"pandas")
    return merged.with_metadata({b"pandas": pandas} if pandas else None)


def _expression(filters: object) -> Any:
    if filters is None or isinstance(filters, pc.Expression):
        return filters
    try:
        return pq.filters_to_expression(filters)
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise InputError.nothing_sent(f"filters= is as in pandas.read_parquet: {error}") from error


def _told(given: Sequence[Place]) -> str:
    return ", ".join(repr(fspath(place)) for place in given)
