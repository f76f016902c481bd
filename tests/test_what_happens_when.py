"""The README's table of mishaps: every line names the tests that hold it, and they exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECTION = re.compile(r"^## What happens when…\n(.*?)^## ", re.MULTILINE | re.DOTALL)


def rows() -> list[list[str]]:
    found = SECTION.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found
    lines = [line for line in found[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_line_of_the_table_is_held_by_tests_that_exist() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    written = set(re.findall(r"^ *def (test_\w+)", sources, re.MULTILINE))

    named = {row[0]: re.findall(r"`(test_\w+)`", row[2]) for row in rows()}

    assert len(named) > 15
    assert all(named.values())
    assert {name for names in named.values() for name in names} - written == set()
