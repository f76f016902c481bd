"""A dataset out of long pages: the people of each page as a list, a row for each of them, and facts on each."""

import json
from typing import Any

import pandas as pd

from tests.scenarios.conftest import Plays
from tests.scenarios.setting import asked, number, questions

LONGEST = 20_000


def pages(count: int) -> pd.DataFrame:
    """Pages of very different lengths, under labels of which some are the same."""
    text = " ".join(questions(400)["question"]) * 2
    lengths = [min(LONGEST, 200 + 251 * place) for place in range(count)]
    return pd.DataFrame(
        {"page": [f"p{place}: {text[:length]}" for place, length in enumerate(lengths)]},
        index=[f"site-{place % 7}" for place in range(count)],
    )


def reads(body: dict[str, Any]) -> str:
    text = asked(body)
    if text.startswith("List"):
        page = text.partition(": ")[2].partition(":")[0]
        return json.dumps({"value": [f"{page}-person-{n}" for n in range(number(page, 4))]})
    return json.dumps({"of": text.partition(" of ")[2], "born": 1900 + number(text, 100)})


def test_rows_made_by_explode_keep_their_own_facts(plays: Plays, quick: dict[str, Any]) -> None:
    stage = plays(reads)

    found = pages(100).doubleword.run(
        "List the people in: {page}", model="m", response_format=list[str], output="person", **quick
    )
    people = found.explode("person")
    out = people.doubleword.run(
        "As a JSON object, the birthday of {person}",
        model="m",
        response_format="json_object",
        output="facts",
        **quick,
    )

    stage.check(found["person_status"])
    stage.check(out["facts_status"], besides=("skipped",))
    assert out.index.has_duplicates
    assert out.index.equals(people.index)
    ok = out[out["facts_status"] == "ok"]
    facts = ok["facts"].map(json.loads)
    assert [fact["of"] for fact in facts] == ok["person"].tolist()
    assert all(
        person.startswith(page.partition(":")[0])
        for person, page in zip(ok["person"], ok["page"], strict=True)
    )
    assert len(ok) > 80
    stage.check_paid_once()
