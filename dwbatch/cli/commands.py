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
    "demo": Command("one call, twice, on real text against a local server", "dwbatch.demo:main", "demo"),
    "local": Command(
        "a batch server on this machine, for work without a key", "dwbatch.local:serve", "local"
    ),
}
