"""Several models asked the same: a request a row and model in one job, the answers side by side."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from dwbatch.errors import InputError
from dwbatch.frames import column_names, refuse_collisions, with_answers
from dwbatch.holding import Column
from dwbatch.options import Options
from dwbatch.outcome import Naming
from dwbatch.prompts.encode import join, split_at_slots
from dwbatch.prompts.template import Template
from dwbatch.prompts.values import Values, render
from dwbatch.wire.address import DEFAULT_BASE_URL, LOCAL

# What the long form calls it too: `df.merge(models, how="cross")` with `model="{model}"`.
_MODEL = "model"
# Where the frame has a column of that name, its templates mean that one.
_ASIDE = "model="


@dataclass(frozen=True, slots=True)
class Lineup:
    """The models of a call, and the frame whose rows each of them gets.

    Parameters
    ----------
    frame : pd.DataFrame
        The user's own.
    labels : tuple of str
        What the columns of each model are called after, in the order of `names`.
    names : tuple of str
        The models.
    """

    frame: pd.DataFrame
    labels: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def _slot(self) -> str:
        return _ASIDE if _MODEL in column_names(self.frame) else _MODEL

    def long(self) -> pd.DataFrame:
        """Every row once a model: all rows with the first model, then all with the second.

        In this order a model's requests stand together, so that a server which takes only one model a file
        needs no more files than there are models.
        """
        distinct = list(dict.fromkeys(self.names))
        codes = np.repeat([distinct.index(name) for name in self.names], len(self.frame))
        models = pd.Categorical.from_codes(codes, categories=pd.Index(distinct))
        long = self.frame.take(np.tile(np.arange(len(self.frame)), len(self.names)))
        return long.assign(**{self._slot: models})

    def asked(self, options: Options) -> Options:
        """The options of the long frame: each row says its model, and its columns are not the answer's."""
        return replace(options, model=f"{{{self._slot}}}", overwrite=True)

    def namings(self, naming: Naming) -> list[Naming]:
        """How each model's answer columns are called."""
        return [
            replace(naming, output=f"{naming.output}_{label}", prefix=f"{naming.prefix}{label}_")
            for label in self.labels
        ]

    def refuse_collisions(self, naming: Naming, *, overwrite: bool) -> None:
        """Refuse to write over columns of the frame, and two models over one another.

        Raises
        ------
        InputError
            Naming all of them.
        """
        names = [name for each in self.namings(naming) for name in each.all()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError.nothing_sent(
                f"Two models would both write the column {twice[0]!r}. Give the models other labels."
            )
        refuse_collisions(self.frame, names, overwrite=overwrite)

    def merged(self, naming: Naming, columns: Mapping[str, Column]) -> pd.DataFrame:
        """The user's frame with every model's answer columns.

        Parameters
        ----------
        naming : Naming
            Of `columns`.
        columns : mapping of str to Column
            One value a row of the long frame.
        """
        answers: dict[str, Column] = {}
        for place, named in enumerate(self.namings(naming)):
            for new, old in zip(named.all(), naming.all(), strict=True):
                answers[new] = _part(columns[old], place * len(self.frame), len(self.frame))
        return with_answers(self.frame, answers)


def lineup_of(frame: pd.DataFrame, model: str | Mapping[str, str]) -> Lineup | None:
    """The models of a call; None where it asks one."""
    if isinstance(model, str):
        return None
    return Lineup(frame, tuple(model), tuple(model.values()))


def _part(column: Column, start: int, count: int) -> Column:
    if isinstance(column, tuple):
        field, cells = column
        return field, cells[start : start + count]
    return column.slice(start, count)


def takes_several_models(server: str) -> bool:
    """Whether one file may ask several models of this server.

    Parameters
    ----------
    server : str
        Identity of a server, as `dwbatch.connect.Connection` has it.

    Notes
    -----
    A Doubleword server takes them: each line is checked by itself (control-layer, `files.rs`). OpenAI fails such a
    batch as ``mismatched_model``. What cannot be told is treated as OpenAI, which costs a few files more.
    """
    if server == LOCAL:
        return True
    found = urlsplit(server)
    return found.hostname == urlsplit(DEFAULT_BASE_URL).hostname or found.path.rstrip("/").endswith("/ai/v1")


def groups_of(model: Template, columns: Mapping[str, Values], n_rows: int) -> np.ndarray:
    """A number a row, the same for rows that ask the same model.

    Parameters
    ----------
    model : Template
    columns : mapping of str to Values
        What it names, of `n_rows` values each.
    n_rows : int
    """
    shape = split_at_slots(model.parts)
    texts = join(
        shape.fragments, [render(columns[slot.name], slot).texts for slot in model.slots], n_rows=n_rows
    )
    return np.asarray(texts.dictionary_encode().indices.fill_null(-1), dtype=np.int64)
