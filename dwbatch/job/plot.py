"""A job as a picture: its progress against the window, and what became of its rows."""

import datetime as dt
import importlib
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from dwbatch.checkpoint.samples import Sample, read_samples
from dwbatch.columns import STATUS_RANK, Status
from dwbatch.errors import DwbatchError
from dwbatch.job.held import Held
from dwbatch.job.rows import gathered, view_of
from dwbatch.job.status import JobStatus, status_of
from dwbatch.outcome import answer_columns

DONE, FAILED, WINDOW = "#1a7f64", "#c4432b", "#8a949e"
FEW_BARS = 4
SHORTEST = dt.timedelta(seconds=1)
COLOURS = {Status.OK: DONE, Status.SKIPPED: "#b6bec7", Status.PENDING: "#d9dfe5"}


def plot(held: Held) -> Any:
    """The figure of a job; see `Job.plot`.

    Raises
    ------
    DwbatchError
        If matplotlib is not installed.
    """
    try:
        pictures = importlib.import_module("dwbatch.job.picture")
        dates = importlib.import_module("matplotlib.dates")
    except ModuleNotFoundError as error:
        raise DwbatchError(
            "plot() needs matplotlib. Install it with: pip install 'dwbatch[plot]'."
        ) from error
    figure = pictures.Picture(figsize=(9.0, 3.4), layout="constrained")
    progress, outcome = figure.subplots(1, 2, width_ratios=[2, 1])
    _plot_progress(progress, held, dates)
    _plot_outcome(outcome, held)
    return figure


def _plot_progress(axes: Any, held: Held, dates: Any) -> None:
    status = status_of(held, held.shards())
    samples = _with_ends(read_samples(held.checkpoint), held, status)
    at = [each.at for each in samples]
    failed = np.array([each.failed for each in samples])
    completed = np.array([each.completed for each in samples])
    # Counts stand still and jump, so nothing is drawn between two looks.
    axes.fill_between(at, completed, step="post", color=DONE, alpha=0.85, linewidth=0, label="completed")
    axes.fill_between(
        at, completed, completed + failed, step="post", color=FAILED, linewidth=0, label="failed"
    )
    axes.axhline(status.requests, color=WINDOW, linewidth=1)
    if status.deadline is not None and not status.is_over:
        axes.axvline(status.deadline, color=WINDOW, linestyle="--", linewidth=1, label="end of the window")
    axes.set_ylim(0, max(1, status.requests) * 1.08)
    axes.set_title("requests over time", loc="left", fontsize="medium")
    locator = dates.AutoDateLocator(maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize="small", frameon=False, borderpad=0
    )
    axes.spines[["top", "right"]].set_visible(False)


def _with_ends(samples: list[Sample], held: Held, status: JobStatus) -> list[Sample]:
    """The samples, from the purchase to the last that is known, and a little beyond it."""
    samples = list(samples)
    if status.since is not None:
        samples.append(Sample(status.since, status.requests, 0, 0))
    ended = [shard.ended_at for shard in held.shards() if shard.ended_at is not None]
    if status.is_over and ended:
        samples.append(Sample(max(ended), status.requests, status.completed, status.failed))
    samples.sort(key=lambda sample: sample.at)
    # A step is drawn up to the next one, so the last would not be seen.
    tail = max(SHORTEST, (samples[-1].at - samples[0].at) / 20) if samples else SHORTEST
    return [*samples, *(replace(last, at=last.at + tail) for last in samples[-1:])]


def _plot_outcome(axes: Any, held: Held) -> None:
    shards = held.shards()
    view = view_of(held, shards)
    columns = answer_columns(view.naming, view.rows, gathered(held, view, shards))
    told: Any = columns[f"{view.naming.output}_status"]
    counts = Counter[str](told.to_pylist())
    shown = sorted(counts, key=lambda status: STATUS_RANK.get(Status(status), len(STATUS_RANK)), reverse=True)
    colours = [COLOURS.get(Status(status), FAILED) for status in shown]
    bars = axes.barh(shown, [counts[status] for status in shown], color=colours, height=0.6)
    axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize="small")
    axes.set_title("rows by status", loc="left", fontsize="medium")
    # One bar alone would fill the picture.
    axes.set_ylim(-0.6, max(len(shown), FEW_BARS) - 0.4)
    axes.margins(x=0.18)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)
