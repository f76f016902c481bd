"""The README's command lines run as they stand, one after the other, in one folder."""

import re
import shlex
from pathlib import Path

import pytest

from dwbatch.cli.codes import CODE_MEANINGS
from dwbatch.local import Server
from tests.cli.calling import line, reviews
from tests.cli.conftest import Tell

README = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
SECTION = README.partition("\n## From the command line\n")[2].partition("\n## ")[0]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"dwbatch (?:run|submit|validate|wait|export) [^#&\n]*")


def blocks(kind: str) -> str:
    found = [text for name, text in BLOCK.findall(SECTION) if name == kind]
    assert found
    return "".join(found).replace("\\\n", " ")


@pytest.mark.parametrize("kind", ["sh", "crontab", "yaml"])
def test_the_readme_s_command_lines_run(here: Path, server: Server, tell: Tell, kind: str) -> None:
    reviews(here / "reviews.parquet")
    (here / "requests.jsonl").write_text(line(), encoding="utf-8")
    (here / "prompt.txt").write_text("Positive? {text}", encoding="utf-8")

    commands = COMMAND.findall(blocks(kind).replace("/srv/reviews/", ""))

    assert commands
    for command in commands:
        said = tell(*shlex.split(command)[1:])
        assert said.code == 0, (command, said.err)
    assert server.ledger()


def test_the_readme_s_exit_codes_are_the_program_s() -> None:
    lines = [each.strip("|").split("|") for each in SECTION.splitlines() if re.match(r"\| `\d+` \|", each)]

    assert {int(code.strip(" `")): words.strip() for code, words in lines} == {
        code: meaning.replace("--max-failed", "`--max-failed`").replace("--timeout", "`--timeout`")
        for code, meaning in CODE_MEANINGS.items()
    }
