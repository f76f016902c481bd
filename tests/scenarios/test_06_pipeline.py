"""Company names: made alike, compared in pairs, and enriched, by a process that dies in the middle."""

from typing import Any, TypedDict

import pandas as pd

from tests.scenarios.conftest import Plays
from tests.scenarios.setting import asked, killed, number

ENDINGS = ["", " Ltd", " Limited", ", Inc."]
NAMES = pd.DataFrame({"name": [f"Acme {place // 4}{ENDINGS[place % 4]}" for place in range(100)]})


class Company(TypedDict):
    employees: int
    is_listed: bool


def knows(body: dict[str, Any]) -> str:
    text = asked(body).partition(": ")[2]
    if "Normalise" in asked(body):
        return " ".join(text.replace(",", "").split()[:2])
    if "same" in asked(body):
        one, other = text.split(" / ")
        return f'{{"value": {str(one == other).lower()}}}'
    return f'{{"employees": {number(text, 1000)}, "is_listed": true}}'


def pipeline(**options: Any) -> pd.DataFrame:
    """The user's script, which is simply run again when it was stopped."""
    names = NAMES.doubleword.run("Normalise: {name}", model="m", output="plain", **options)
    pairs = names.assign(before=names["plain"].shift())
    compared = pairs.doubleword.run(
        "The same? : {before} / {plain}",
        model="m",
        response_format=bool,
        output="same",
        dedupe=True,
        **options,
    )
    companies = compared[~compared["same"].fillna(value=True)]
    out: pd.DataFrame = companies.doubleword.run(
        "Enrich: {plain}", model="m", response_format=Company, **options
    )
    return out


def test_a_script_killed_in_any_stage_is_run_again_and_pays_nothing_again(
    plays: Plays, quick: dict[str, Any]
) -> None:
    stage = plays(knows)
    for _ in range(3 if stage.is_foul else 0):
        # Each run dies at its first purchase, which is the next stage's: those before are paid.
        killed(lambda **options: pipeline(**quick, **options), at=1)

    out = pipeline(**quick)

    assert out["response_status"].isin(["ok", "failed"]).all()
    ok = out[out["response_status"] == "ok"]
    assert ok["employees"].tolist() == [number(name, 1000) for name in ok["plain"]]
    assert len(ok) > 12
    stage.check_paid_once()
    sent = len(stage.server.exchanges())
    pipeline(**quick)
    assert [call for call in stage.server.exchanges()[sent:] if call[0] == "POST"] == []
