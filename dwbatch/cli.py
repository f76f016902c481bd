"""The command ``dwbatch``: a table of subcommands, each imported only when it is called."""

import argparse
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import TextIOWrapper

from dwbatch import __version__
from dwbatch.errors import DwbatchError

FAILED = 1
INTERRUPTED = 130


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
    extra: str

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


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; by default those of this process.

    Returns
    -------
    int
        0 if all went well, 1 if it failed (one line on stderr says why), 130 after Ctrl-C. Wrong
        usage leaves with 2, as argparse has it.
    """
    options = _parser().parse_args(argv)
    command = COMMANDS[options.command]
    _allow_any_letter()
    try:
        return command.load()(options.arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has left, as `| head` does. Without this the
        # interpreter would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except ModuleNotFoundError as error:
        reason = (
            f"{error.name!r} is not installed. Install it with: pip install 'dwbatch[{command.extra}]', "
            f"or in a clone of the project: pip install -e '.[{command.extra}]'."
        )
    except (DwbatchError, OSError) as error:
        reason = str(error)
    sys.stderr.write(f"dwbatch {options.command}: {reason}\n")
    return FAILED


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="dwbatch",
        description="Run a provider Batch API from a pandas DataFrame.",
        epilog=f"commands:\n{listed}\n\n`dwbatch COMMAND --help` tells more. Example: dwbatch demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dwbatch {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    # Whatever follows belongs to the subcommand, which has a parser of its own.
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _allow_any_letter() -> None:
    # A Windows pipe or an old locale knows few letters; a question mark in the
    # output is better than a UnicodeEncodeError in place of it.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
