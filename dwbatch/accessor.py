"""The pandas door: ``df.doubleword`` and ``series.doubleword``.

It stands on every frame as soon as dwbatch is imported, so what a call needs is imported by the call.
"""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import pandas as pd

from dwbatch.embed_options import EmbedOptions, shows_embed_options, take_embed_options
from dwbatch.given import take_options
from dwbatch.options import Prompt, RunOptions, shows_options

if TYPE_CHECKING:
    from dwbatch.before.estimate import Estimate
    from dwbatch.before.plan import Plan
    from dwbatch.job.job import Job


class Accessor:
    """Batch calls on a frame or a series.

    It holds the frame and nothing else: pandas 3 makes a new one at every access.

    Parameters
    ----------
    frame : DataFrame or Series
    """

    __slots__ = ("_frame",)

    def __init__(self, frame: "pd.DataFrame | pd.Series[str]") -> None:
        self._frame = frame

    def __repr__(self) -> str:
        verbs = ", ".join(f".{name}" for name in vars(Accessor) if not name.startswith("_"))
        return f"<doubleword accessor of {type(self._frame).__name__}, {len(self._frame)} rows: {verbs}>"

    @shows_options
    def run(self, prompt: str | None = None, **options: Unpack[RunOptions]) -> pd.DataFrame:
        """A new frame with an answer, or the reason there is none, on every row; see `dwbatch.run`."""
        from dwbatch.api import answered

        return answered(self._frame, prompt, take_options(options, call="run"))

    @shows_options
    def submit(self, prompt: str | None = None, **options: Unpack[RunOptions]) -> "Job":
        """The job of a call, once every batch of it is bought; see `dwbatch.submit`."""
        from dwbatch.api import submitted

        return submitted(self._frame, prompt, take_options(options, call="submit"))

    @shows_embed_options
    def embed(self, text: str | None = None, **options: Unpack[EmbedOptions]) -> pd.DataFrame:
        """A new frame with a vector, or the reason there is none, on every row; see `dwbatch.embed`."""
        from dwbatch.embedding import embedded

        return embedded(self._frame, text, take_embed_options(options))

    @shows_options
    def preview(
        self, prompt: Prompt | None = None, *, rows: int = 3, **options: Unpack[RunOptions]
    ) -> pd.DataFrame:
        """The requests of the first rows, and nothing is sent; see `dwbatch.preview`."""
        from dwbatch.before.preview import previewed

        return previewed(self._frame, prompt, rows, take_options(options, call="preview"))

    @shows_options
    def plan(self, prompt: Prompt | None = None, **options: Unpack[RunOptions]) -> "Plan":
        """What `run` would do with the same arguments, counted; see `dwbatch.plan`."""
        from dwbatch.before.plan import planned

        return planned(self._frame, prompt, take_options(options, call="plan"))

    @shows_options
    def estimate(self, prompt: Prompt | None = None, **options: Unpack[RunOptions]) -> "Estimate":
        """The server's price for what `run` would buy; see `dwbatch.estimate`."""
        from dwbatch.before.estimate import estimated

        return estimated(self._frame, prompt, take_options(options, call="estimate"))

    @shows_options
    def to_jsonl(
        self, path: str | PathLike[str], prompt: Prompt | None = None, **options: Unpack[RunOptions]
    ) -> list[Path]:
        """Paths of the request files, for any batch API; see `dwbatch.to_jsonl`."""
        from dwbatch.before.jsonl import written

        return written(self._frame, path, prompt, take_options(options, call="to_jsonl"))


def register() -> None:
    """Give every DataFrame and Series the accessor."""
    pd.api.extensions.register_dataframe_accessor("doubleword")(Accessor)
    pd.api.extensions.register_series_accessor("doubleword")(Accessor)
