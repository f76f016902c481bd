"""The command ``dwbatch``: what the library does, for a shell, a cron line or a CI job."""

from dwbatch.cli.commands import COMMANDS, Command
from dwbatch.cli.program import main

__all__ = ["COMMANDS", "Command", "main"]
