"""Commands on a job that is bought: status, wait, cancel, retry, errors, jobs."""

import argparse
from pathlib import Path

from dwbatch.cli import words
from dwbatch.cli.codes import FAILED, OK, judged
from dwbatch.cli.screen import Screen, screen_of
from dwbatch.job.account import jobs as jobs_of_account
from dwbatch.job.attach import attach
from dwbatch.job.job import Job
from dwbatch.job.status import STATE_MEANINGS, JobState, JobStatus

EXAMPLES = {
    "status": "dwbatch status answers.parquet",
    "wait": "dwbatch wait answers.parquet --timeout 8h --max-failed 50%",
    "cancel": "dwbatch cancel answers.parquet",
    "retry": "dwbatch retry answers.parquet --which truncated --set max_tokens=2000",
    "errors": "dwbatch errors answers.parquet",
    "jobs": "dwbatch jobs --limit 10",
}
# How many columns of a job fit a terminal.
JOBS_SHOWN = ["job", "name", "status", "batches", "requests", "completed", "failed", "created_at"]
ERRORS_SHOWN = ["custom_id", "status", "error_code", "error"]


def status(arguments: list[str]) -> int:
    """Say how far a job is."""
    options = _parser("status", "Say how far a job is. Nothing is sent, and nothing is written.").parse_args(
        arguments
    )
    with screen_of(options) as screen:
        show_status(screen, attached(options).status())
    return OK


def wait(arguments: list[str]) -> int:
    """Wait for a job."""
    parser = _parser("wait", "Wait until every batch of a job is over and fetched. Nothing is bought.")
    words.add_waiting(parser)
    options = parser.parse_args(arguments)
    with screen_of(options) as screen:
        job = attached(options)
        timeout = None if options.timeout is None else words.duration(options.timeout)
        found = job.wait(timeout, progress=words.shows_progress(options))
        show_status(screen, found)
        if found.state in {JobState.UNSENT, JobState.UNCLEAR}:
            return FAILED
        return judged(len(job.errors()), found.requests, options.max_failed)


def cancel(arguments: list[str]) -> int:
    """Stop the spending of a job."""
    parser = _parser(
        "cancel",
        "Stop the spending: cancel every batch of a job that still runs, and buy nothing more. What was answered is "
        "billed and kept.",
    )
    options = parser.parse_args(arguments)
    with screen_of(options) as screen:
        cancelled = attached(options).cancel(progress=not options.quiet)
        if screen.is_json or len(cancelled):
            screen.table(cancelled, empty="")
    return OK


def retry(arguments: list[str]) -> int:
    """Ask some rows again."""
    parser = _parser(
        "retry",
        "Ask rows that are not ok again, perhaps with other parameters; does not wait. The answers land on the rows of "
        "then, in the next run.",
    )
    parser.add_argument(
        "--which",
        default="failed",
        metavar="KINDS",
        help="transient, failed, invalid, truncated, missing, cancelled; several with commas (default: failed)",
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="what the requests say differently"
    )
    options = parser.parse_args(arguments)
    with screen_of(options) as screen:
        changes = words.keywords(options)
        base_url, progress = changes.pop("base_url", None), bool(changes.pop("progress"))
        job = attach(place_of(options.job), base_url=base_url)
        again = job.retry(options.which.split(","), progress=progress, **changes)
        show_status(screen, again.status())
    return OK


def errors(arguments: list[str]) -> int:
    """Show the rows without an answer."""
    parser = _parser("errors", "Show the requests that ended without an answer, and why. Nothing is asked.")
    options = parser.parse_args(arguments)
    with screen_of(options) as screen:
        found = attached(options).errors()
        screen.table(
            found if screen.is_json else found[ERRORS_SHOWN],
            empty="Every request that is over and fetched was answered.",
        )
    return OK


def jobs(arguments: list[str]) -> int:
    """List the jobs of the account."""
    parser = words.parser_of("jobs", "List the jobs of the account, newest first.", EXAMPLES["jobs"])
    parser.add_argument("--limit", type=int, default=100, help="most jobs (default: 100)")
    parser.add_argument("--status", metavar="WORD", help="only jobs with this status, such as in_progress")
    parser.add_argument("--since", metavar="TIME", help="only jobs bought since then, as in 2026-11-01")
    words.add_server(parser)
    words.add_output(parser)
    options = parser.parse_args(arguments)
    with screen_of(options) as screen:
        found = jobs_of_account(
            limit=options.limit, status=options.status, since=options.since, base_url=options.base_url
        )
        shown = found if screen.is_json else found[[name for name in JOBS_SHOWN if name in found.columns]]
        screen.table(shown, empty="The account has no such job.")
    return OK


def show_status(screen: Screen, found: JobStatus) -> None:
    """How far a job is."""
    failed = f", {found.failed:,} failed" if found.failed else ""
    lines: dict[str, object] = {
        "requests": f"{found.completed:,} of {found.requests:,} completed{failed}",
        "batches": f"{found.batches_over} of {found.batches} over",
        "bought": found.since,
        "overdue since" if found.is_overdue else "due": None if found.is_over else found.deadline,
        "tokens": f"{found.prompt_tokens:,} prompt, {found.completion_tokens:,} completion, in what is fetched",
        "checkpoint": found.checkpoint,
    }
    title = f"{found.state}: {STATE_MEANINGS[found.state]}"
    screen.show(title, lines, {**words.fields_of(found), "is_over": found.is_over})


def attached(options: argparse.Namespace) -> Job:
    """The job that the arguments name."""
    return attach(place_of(options.job), base_url=options.base_url)


def place_of(job: str) -> str:
    """A job's folder, whether it was named itself or by the file that its answers go to; else the id that it is."""
    beside = Path(f"{job.rstrip('/')}.dwbatch").expanduser()
    return str(beside) if beside.is_dir() else job


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    parser = words.parser_of(command, description, EXAMPLES[command])
    parser.add_argument(
        "job",
        metavar="JOB",
        help="DEST of the command that made it, its checkpoint, or the id of a batch or job",
    )
    words.add_server(parser)
    words.add_output(parser)
    return parser
