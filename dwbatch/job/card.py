"""A job as a card in a notebook: readable in light and dark, while it runs and once it is saved."""

import datetime as dt
from decimal import Decimal
from html import escape

from dwbatch.job.status import STATE_MEANINGS, JobState, JobStatus

NEXT = {
    JobState.EMPTY: "Nothing was to be sent.",
    JobState.UNSENT: "Make the same call again: it goes on from here and buys nothing twice.",
    JobState.UNCLEAR: "job.wait() looks the purchase up; it buys nothing.",
    JobState.RUNNING: "job.wait() waits, job.partial() shows what is answered, job.cancel() stops the spending.",
    JobState.ENDED: "job.result() fetches the answers.",
    JobState.DONE: "job.result() has the answers.",
}

# JupyterLab's variables win where there are any, so that the card follows the notebook's theme and not
# the system's; elsewhere the system decides.
STYLE = """
.dwbatch-card{--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--paper:#fff;--done:#1a7f64;--bad:#c4432b;--rest:#e6eaef;
 max-width:40rem;padding:.9rem 1.1rem;border:1px solid var(--jp-border-color2,var(--line));border-radius:8px;
 background:var(--jp-layout-color1,var(--paper));color:var(--jp-ui-font-color1,var(--ink));
 font:14px/1.45 system-ui,sans-serif}
@media(prefers-color-scheme:dark){.dwbatch-card{--ink:#e6edf3;--soft:#9aa4af;--line:#3d444d;--paper:#161b22;
 --done:#3fb68b;--bad:#f0795f;--rest:#30363d}}
[data-jp-theme-light="true"] .dwbatch-card{--done:#1a7f64;--bad:#c4432b;--rest:#e6eaef}
[data-jp-theme-light="false"] .dwbatch-card{--done:#3fb68b;--bad:#f0795f;--rest:#444c56}
.dwbatch-card header{display:flex;justify-content:space-between;gap:1rem;align-items:baseline}
.dwbatch-card b{font-size:1.1em}
.dwbatch-card small,.dwbatch-card dt{color:var(--jp-ui-font-color2,var(--soft))}
.dwbatch-card .bar{display:flex;height:8px;border-radius:4px;overflow:hidden;background:var(--rest);margin:.55rem 0}
.dwbatch-card .bar i{display:block;background:var(--done)}
.dwbatch-card .bar i.bad{background:var(--bad);min-width:3px}
.dwbatch-card .bar.thin{height:3px;margin:.2rem 0 .7rem}
.dwbatch-card .bar.thin i{background:var(--jp-ui-font-color2,var(--soft))}
.dwbatch-card .bar.late i{background:var(--bad)}
.dwbatch-card dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.3rem 0}
.dwbatch-card dt,.dwbatch-card dd{margin:0;padding:0;font-weight:normal}
.dwbatch-card dd{overflow-wrap:anywhere}
.dwbatch-card p{margin:.6rem 0 0}
""".replace("\n ", " ")


def html_of(
    status: JobStatus, *, now: dt.datetime, billed: Decimal | None = None, is_recorded: bool = False
) -> str:
    """The card of a status, with its own style and no script.

    Parameters
    ----------
    status : JobStatus
    now : datetime
        The moment that the status is of.
    billed : Decimal or None
        What was billed so far, where that is known.
    is_recorded : bool
        Whether the server could not be asked, so that this is what was last written down.
    """
    of = max(status.requests, 1)
    share, failed = 100 * status.completed / of, 100 * status.failed / of
    ended = status.completed + status.failed
    counts = f"{ended:,} of {status.requests:,} requests" + (
        f", {status.failed:,} failed" if status.failed else ""
    )
    bad = f"<i class='bad' style='width:{failed:.2f}%'></i>" if status.failed else ""
    lines = {name: value for name, value in _lines(status, billed).items() if value}
    details = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in lines.items())
    at = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    seen = f"as last recorded; the server could not be asked at {at}" if is_recorded else f"as of {at}"
    return (
        f"<style>{STYLE}</style><div class='dwbatch-card'>"
        f"<header><span><b>{escape(status.state.capitalize())}</b> <small>{escape(STATE_MEANINGS[status.state])}</small></span>"
        f"<span>{escape(counts)}</span></header>"
        f"<div class='bar' role='img' aria-label='{escape(counts)}'><i style='width:{share:.2f}%'></i>"
        f"{bad}</div>"
        f"{_window(status, now)}<dl>{details}</dl>"
        f"<p>{escape(next_of(status))}</p><small>{escape(seen)}</small></div>"
    )


def next_of(status: JobStatus) -> str:
    """What there is to do next."""
    more = ""
    if status.state is JobState.DONE and status.failed:
        more = " job.errors() says why some have none, and job.retry() asks them again."
    return NEXT[status.state] + more


def _lines(status: JobStatus, billed: Decimal | None) -> dict[str, str | None]:
    due = None
    if status.deadline is not None and not status.is_over:
        due = f"{status.deadline:%Y-%m-%d %H:%M} UTC" + (", overdue; it runs on" if status.is_overdue else "")
    tokens = status.prompt_tokens + status.completion_tokens
    return {
        "batches": f"{status.batches_over} of {status.batches} over"
        + (f" ({', '.join(filter(None, status.server_statuses))})" if any(status.server_statuses) else ""),
        "bought": None if status.since is None else f"{status.since:%Y-%m-%d %H:%M} UTC",
        "due": due,
        "tokens": f"{status.prompt_tokens:,} prompt, {status.completion_tokens:,} completion"
        if tokens
        else None,
        "billed so far": None if billed is None else f"{billed.normalize():f}",
        "checkpoint": str(status.checkpoint),
    }


def _window(status: JobStatus, now: dt.datetime) -> str:
    if status.since is None or status.deadline is None or status.is_over:
        return ""
    whole = (status.deadline - status.since).total_seconds()
    gone = (now - status.since).total_seconds()
    share = min(100.0, max(0.0, 100 * gone / whole)) if whole > 0 else 100.0
    words = f"{_hours(gone)} of {_hours(whole)} window"
    late = " late" if status.is_overdue else ""
    return (
        f"<small>{escape(words)}</small><div class='bar thin{late}' role='img' aria-label='{escape(words)}'>"
        f"<i style='width:{share:.2f}%'></i></div>"
    )


def _hours(seconds: float) -> str:
    minutes = max(0, int(seconds // 60))
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"  # noqa: PLR2004 - minutes in an hour
