"""``dwbatch status``: how far a job is, as text or JSON."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from dwbatch.job.attach import attach
from dwbatch.job.status import JobStatus, text_of


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


def _json(status: JobStatus) -> str:
    said: dict[str, Any] = asdict(status) | {"is_over": status.is_over}
    return json.dumps(said, default=str, ensure_ascii=False)
