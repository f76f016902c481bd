"""``dwbatch status``: how far a job is, as text or JSON."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from dwbatch.job.attach import attach
from dwbatch.job.status import STATE_MEANINGS, JobStatus


def main(arguments: list[str]) -> int:
    """Print the status of a job.

    Parameters
    ----------
    arguments : list of str
        What stands after ``dwbatch status``.
    """
    parser = argparse.ArgumentParser(
        prog="dwbatch status", description="Say how far a job is. Nothing is sent, and nothing is written."
    )
    parser.add_argument("job", help="a checkpoint's folder, or the id of a batch or job")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--base-url", help="the server, where the checkpoint does not say it")
    options = parser.parse_args(arguments)
    status = attach(options.job, base_url=options.base_url).status()
    sys.stdout.write(f"{_json(status) if options.json else text_of(status)}\n")
    return 0


def text_of(status: JobStatus) -> str:
    """A status as a few aligned lines."""
    lines = {
        "state": f"{status.state}: {STATE_MEANINGS[status.state]}",
        "requests": f"{status.completed:,} completed, {status.failed:,} failed, {status.pending:,} pending, of {status.requests:,}",
        "batches": f"{status.batches_over} of {status.batches} over",
        "bought": None if status.since is None else f"{status.since:%Y-%m-%d %H:%M} UTC",
        "overdue since" if status.is_overdue else "due": (
            None if status.deadline is None or status.is_over else f"{status.deadline:%Y-%m-%d %H:%M} UTC"
        ),
        "tokens": f"{status.prompt_tokens:,} prompt, {status.completion_tokens:,} completion, in what is fetched",
        "checkpoint": str(status.checkpoint),
    }
    width = max(len(name) for name, value in lines.items() if value is not None)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines.items() if value is not None)


def _json(status: JobStatus) -> str:
    said: dict[str, Any] = asdict(status) | {"is_over": status.is_over}
    return json.dumps(said, default=str, ensure_ascii=False)
