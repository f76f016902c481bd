"""``dwbatch skill``: what a coding agent should know of this library."""

import sys
from importlib.resources import files
from pathlib import Path

from dwbatch.cli import words
from dwbatch.cli.codes import OK

EXAMPLE = "dwbatch skill SKILL.md"


def skill(arguments: list[str]) -> int:
    """Print the skill, or write it to a file."""
    parser = words.parser_of(
        "skill",
        "Print what a coding agent should know of dwbatch: a SKILL.md of this very version, for the folder in which "
        "your agent looks for skills.",
        EXAMPLE,
    )
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="write it there in place of stdout"
    )
    file: Path | None = parser.parse_args(arguments).file
    text = files("dwbatch").joinpath("SKILL.md").read_text(encoding="utf-8")
    if file is None:
        sys.stdout.write(text)
    else:
        file.write_text(text, encoding="utf-8", newline="\n")
    return OK
