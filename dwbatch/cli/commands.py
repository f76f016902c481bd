"""The commands: a table of names, each with the place of the function that carries it out."""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: a function that takes the arguments after its name and returns the exit status.

    Parameters
    ----------
    summary : str
        Its line in ``dwbatch --help``.
    target : str
        Where the function is, as ``module:name``; a name and not the function, so that help and the
        other subcommands do not wait for its imports.
    extra : str
        The extra that its imports need.
    """

    summary: str
    target: str
    extra: str = "local"

    def load(self) -> Callable[[list[str]], int]:
        """Import the function."""
        function: Callable[[list[str]], int] = pkgutil.resolve_name(self.target)
        return function


COMMANDS = {
    "run": Command("answer every row of a table, and wait for it", "dwbatch.cli.running:run"),
    "submit": Command(
        "the same without waiting; or buy a ready request file", "dwbatch.cli.submitting:submit"
    ),
    "preview": Command("the requests of the first rows, word for word", "dwbatch.cli.planning:preview"),
    "plan": Command("what a run would send", "dwbatch.cli.planning:plan"),
    "estimate": Command("what a run would cost, by the server", "dwbatch.cli.planning:estimate"),
    "status": Command("how far a job is", "dwbatch.cli.jobs:status"),
    "wait": Command("wait for a job", "dwbatch.cli.jobs:wait"),
    "cancel": Command("stop the spending of a job", "dwbatch.cli.jobs:cancel"),
    "retry": Command("ask rows that are not ok again", "dwbatch.cli.jobs:retry"),
    "errors": Command("requests without an answer, and why", "dwbatch.cli.jobs:errors"),
    "export": Command("requests or results as JSONL", "dwbatch.cli.exporting:export"),
    "validate": Command("every fault of a request file, with its line", "dwbatch.cli.checking:validate"),
    "jobs": Command("the jobs of the account", "dwbatch.cli.jobs:jobs"),
    "local": Command(
        "a batch server on this machine, for work without a key", "dwbatch.local:serve", "local"
    ),
    "skill": Command("what a coding agent should know, as a SKILL.md", "dwbatch.cli.skill:skill"),
    "demo": Command("one call, twice, on real text against a local server", "dwbatch.demo:main", "demo"),
}
