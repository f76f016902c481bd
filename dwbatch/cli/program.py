"""The program: finds the command, and turns whatever ends it into an exit code and a line on stderr."""

import argparse
import logging
import re
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from dwbatch import __version__
from dwbatch.cli.codes import CODE_MEANINGS, FAILED, INTERRUPTED, TERMINATED, code_of
from dwbatch.cli.commands import COMMANDS
from dwbatch.cli.streams import streams, turn_away
from dwbatch.errors import DwbatchError, InputError
from dwbatch.options import NAMES

KEYWORD = re.compile(r"\b([a-z_]+)=")
# Keywords with a flag that is not called like them; the others that have none are given by --set.
FLAGS = {"completion_window": "--window", "response_format": "--schema", "filters": "--filter"}
OWN_FLAGS = frozenset(
    [
        "model",
        "prompt",
        "system",
        "name",
        "checkpoint",
        "timeout",
        "max_cost",
        "retry",
        "output",
        "base_url",
        "columns",
        "if_exists",
    ]
)


class TerminatedError(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does: what is bought runs on."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; by default those of this process.

    Returns
    -------
    int
        One of `dwbatch.cli.codes`; one line on stderr says why it is not 0. Wrong usage leaves with 2, as
        argparse has it.
    """
    options = _parser().parse_args(argv)
    command = COMMANDS[options.command]
    with streams() as complaints, _terminable():
        try:
            return command.load()(options.arguments)
        except TerminatedError:
            return TERMINATED
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:
            # Whoever read the output has left, as `| head` does.
            turn_away(sys.stdout)
            return FAILED
        except ModuleNotFoundError as error:
            status = FAILED
            reason = (
                f"{error.name!r} is not installed. Install it with: pip install 'dwbatch[{command.extra}]', "
                f"or in a clone of the project: pip install -e '.[{command.extra}]'."
            )
        except (DwbatchError, OSError) as error:
            status, reason = code_of(error), _reason(error)
        complaints.complain(f"dwbatch {options.command}: {reason}")
        return status


def _reason(error: Exception) -> str:
    """What an error says, and what its keywords are called on a command line."""
    parts = [str(error), *getattr(error, "__notes__", ())]
    names = dict.fromkeys(KEYWORD.findall(parts[0])) if isinstance(error, InputError) else {}
    told = [f"{name}= is {_flag(name)}" for name in names if name in {*NAMES, *FLAGS, *OWN_FLAGS}]
    return " ".join([*parts, *([f"(Here {', '.join(told)}.)"] if told else [])])


def _flag(name: str) -> str:
    if name in OWN_FLAGS:
        return f"--{name.replace('_', '-')}"
    return FLAGS.get(name, f"--set {name}=…")


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does; a command may decide otherwise."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(_signal: int, _frame: FrameType | None) -> None:
        raise TerminatedError

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        logging.getLogger("dwbatch").setLevel(logging.NOTSET)


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items())
    codes = "\n".join(
        textwrap.fill(f"  {code:>3}  {meaning}", 78, subsequent_indent=" " * 7)
        for code, meaning in CODE_MEANINGS.items()
    )
    parser = argparse.ArgumentParser(
        prog="dwbatch",
        description="Run a provider Batch API from a table: every request is bought once.",
        epilog=f"commands:\n{listed}\n\nexit codes:\n{codes}\n\n`dwbatch COMMAND --help` tells more. Example: dwbatch demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dwbatch {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    # Whatever follows belongs to the subcommand, which has a parser of its own.
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser
