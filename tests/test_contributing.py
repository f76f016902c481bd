"""What newcomers are told is where they are told it is."""

import re
from pathlib import Path

import pytest

from dwbatch.checkpoint.shard import State
from tests import house
from tests.notebooks.running import NOTEBOOKS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\((?!https?://|#)([^)]+)\)")
PLACE = re.compile(r"`((?:dwbatch|tests|\.ci)/[\w./]*)`")
MOST_BYTES_OF_THE_PICTURE = 60_000


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = LINK.findall(README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_tells_of_every_notebook() -> None:
    told = re.findall(r"\(notebooks/(\w+\.ipynb)\)", README)

    assert told == [path.name for path in NOTEBOOKS]


def test_the_picture_of_a_card_is_light() -> None:
    assert 0 < (ROOT / "notebooks" / "card.png").stat().st_size < MOST_BYTES_OF_THE_PICTURE


def test_the_diagram_of_the_readme_names_the_states_of_a_shard() -> None:
    diagram = README.partition("```mermaid\n")[2].partition("```")[0]

    named = list(dict.fromkeys(re.findall(r"\b[A-Z]{4,}\b", diagram)))

    # A shard that is given up is no step on the way.
    assert named == [state.value for state in State if state not in {State.DROPPED, State.GONE}]


def test_every_place_that_contributors_are_sent_to_exists() -> None:
    places = PLACE.findall(CONTRIBUTING)

    assert len(places) > len({"tests", "dwbatch"})
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_the_rules_that_contributors_are_told_of_are_those_of_the_house() -> None:
    named = set(re.findall(r"\(`([A-Z]+)`\)", CONTRIBUTING))

    assert named == {"FLOORS", "FORBIDDEN"}
    assert all(hasattr(house, name) for name in named)


def test_the_parts_of_the_one_command_are_commands_of_the_checks() -> None:
    checks = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    parts = ["uv run ruff check", "uv run ruff format", "uv run mypy", "uv run pytest"]
    assert all(part in CONTRIBUTING and part in checks for part in parts)


@pytest.mark.parametrize("name", ["bug", "idea"])
def test_an_issue_template_asks_for_something(name: str) -> None:
    yaml = pytest.importorskip("yaml")

    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text(encoding="utf-8"))

    assert {"name", "description", "body"} <= set(form)
    assert any(part.get("validations", {}).get("required") for part in form["body"])
