"""The program: finds the command, and turns whatever ends it into an exit code and a line on stderr."""

import argparse
import logging
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from dwbatch import __version__
from dwbatch.cli.codes import CODE_MEANINGS, FAILED, INTERRUPTED, TERMINATED, code_of
from dwbatch.cli.commands import COMMANDS
from dwbatch.cli.streams import streams, turn_away
from dwbatch.errors import DwbatchError, InputError

KEYWORD = re.compile(r"\b[a-z_]+=")


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
    reason = str(error)
    if isinstance(error, InputError) and KEYWORD.search(reason):
        reason += " (On the command line, name= is --set name=VALUE.)"
    notes = getattr(error, "__notes__", ())
    return " ".join([reason, *notes])


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
    codes = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in CODE_MEANINGS.items())
    parser = argparse.ArgumentParser(
        prog="dwbatch",
        description="Run a provider Batch API from a table or a pandas DataFrame: every request bought once.",
        epilog=f"commands:\n{listed}\n\nexit codes:\n{codes}\n\n`dwbatch COMMAND --help` tells more. Example: dwbatch demo",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dwbatch {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    # Whatever follows belongs to the subcommand, which has a parser of its own.
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser
