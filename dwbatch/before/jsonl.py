"""The request files of a call, for whoever wants to send them in another way."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import BinaryIO, Unpack

from dwbatch.before.cutting import cut_up
from dwbatch.call import Call, custom_ids_of, prepare, warn_of_equal_rows
from dwbatch.checkpoint.disk import PARTIAL, Disk
from dwbatch.engine.wanted import Wanted
from dwbatch.errors import InputError
from dwbatch.given import take_options
from dwbatch.options import Options, Prompt, RunOptions, shows_options
from dwbatch.other_frames import AnyFrame, in_pandas
from dwbatch.prompts.requests import Lines, write_lines


@shows_options
def to_jsonl(
    frame: AnyFrame,
    path: str | PathLike[str],
    prompt: Prompt | None = None,
    **options: Unpack[RunOptions],
) -> list[Path]:
    """The paths of request files, written and ready for any batch API of OpenAI's kind.

    Nothing is sent, no key is needed, and no checkpoint is looked at: every distinct request of the
    frame is written, in the order of its first row. Where the model is a template and the server that
    `base_url` names is not known to take several models in one file, each model has files of its own.

    Parameters
    ----------
    frame : DataFrame, Series, or any frame that speaks Arrow
    path : path
        Where to write, such as ``"requests.jsonl"``. What does not fit into one file of
        `max_requests_per_batch` and `max_bytes_per_batch` goes to ``requests-00001.jsonl``,
        ``requests-00002.jsonl`` and so on instead.
    prompt : str, list or callable, optional
        As in `dwbatch.run`, like every other option.
    overwrite : bool, default False
        Allow to replace the files of an earlier call. Numbered ones that this call does not write
        are removed, so that nobody sends yesterday's rows with today's.

    Returns
    -------
    list of Path
        In the order of the rows; empty where no row makes a request.

    Raises
    ------
    InputError
        Wrong input, or a file that is there already; nothing was written.
    OSError
        If the disk is full or the folder cannot be written. Each file stands under its name whole
        or not at all.

    Examples
    --------
    >>> import dwbatch, pandas as pd, tempfile
    >>> frame = pd.DataFrame({"text": ["lovely", "awful"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = dwbatch.to_jsonl(frame, f"{folder}/requests.jsonl", "Positive? {text}", model="m")
    ...     print([path.name for path in paths])
    ['requests.jsonl']
    """
    return written(frame, path, prompt, take_options(options, call="to_jsonl"))


def written(
    frame: AnyFrame,
    path: str | PathLike[str],
    prompt: Prompt | None,
    options: Options,
) -> list[Path]:
    """What `to_jsonl` returns, for a door that has read the options itself."""
    target = Path(path).expanduser().absolute()
    taken = _there(target)
    if taken and not options.overwrite:
        raise InputError.nothing_sent(
            f"{str(taken[0])!r} is there already. Give another path, or say overwrite=True, which replaces it"
            f"{f' and the {len(taken) - 1} beside it' if len(taken) > 1 else ''}."
        )
    # Here the word is about files: no answer column is written that could collide.
    call = prepare(in_pandas(frame, call="to_jsonl"), prompt, replace(options, overwrite=True), sends=False)
    warn_of_equal_rows(call)
    found = cut_up(call, call.asked)
    disk, paths = Disk(), list[Path]()
    for number, span in enumerate(found.files, start=1):
        name = target.name if len(found.files) == 1 else f"{target.stem}-{number:05d}{target.suffix}"
        _write(disk, target.with_name(name), _lines(call, found.requests.part(span)))
        paths.append(target.with_name(name))
    for leftover in set(taken) - set(paths):
        disk.remove(leftover)
    return paths


def _there(target: Path) -> list[Path]:
    """Files of an earlier call with the same path."""
    if target.is_dir() or not target.parent.is_dir():
        fault = "is a folder" if target.is_dir() else "would stand in a folder that does not exist"
        raise InputError.nothing_sent(f"{str(target)!r} {fault}; give the name of a file in one that does.")
    numbered = re.compile(rf"{re.escape(target.stem)}-[0-9]{{5,}}{re.escape(target.suffix)}\Z")
    beside = target.parent.glob("*")
    return sorted(found for found in beside if found.name == target.name or numbered.match(found.name))


def _lines(call: Call, requests: Wanted) -> Iterator[Lines]:
    yield from write_lines(
        call.columns,
        call.asking.recipe,
        rows=requests.positions,
        custom_ids=custom_ids_of(call, requests),
        occurrences=call.rows.occurrences[requests.positions],
    )


def _write(disk: Disk, path: Path, lines: Iterator[Lines]) -> None:
    temporary = path.with_name(path.name + PARTIAL)
    try:
        disk.write(temporary, _filler(lines))
        disk.rename(temporary, path)
    except OSError:
        disk.remove(temporary)
        raise
    disk.sync_folder(path.parent)


def _filler(lines: Iterator[Lines]) -> Callable[[BinaryIO], None]:
    def fill(file: BinaryIO) -> None:
        file.writelines(slab.payload for slab in lines)

    return fill
