"""Synthetic conversations: a situation, a conversation about it, and a score, with failures at each stage."""

from typing import Annotated, Any

import pandas as pd
from pydantic import Field

from tests.scenarios.conftest import Plays
from tests.scenarios.setting import asked, number, questions

SCORE = Annotated[int, Field(ge=0, le=100)]


def plays_all_parts(body: dict[str, Any]) -> str:
    text = asked(body)
    if text.startswith("Score"):
        return f'{{"value": {number(text, 101)}}}'
    return f"{'Dialogue' if text.startswith('Write') else 'Setting'} {number(text, 10**9)}"


def test_every_score_sits_on_its_own_conversation(plays: Plays, quick: dict[str, Any]) -> None:
    stage = plays(plays_all_parts)
    seeds = questions(200, "ukrainian")

    settings = seeds.doubleword.run("Invent a setting for: {question}", model="m", output="setting", **quick)
    talks = settings.doubleword.run("Write a dialogue: {setting}", model="m", output="talk", **quick)
    out = talks.doubleword.run("Score: {talk}", model="m", response_format=SCORE, output="score", **quick)

    for output in ("setting", "talk", "score"):
        stage.check(out[f"{output}_status"], besides=("skipped",))
    ok = out[out["score_status"] == "ok"]
    assert ok["score"].tolist() == [number(f"Score: {talk}", 101) for talk in ok["talk"]]
    assert ok["talk"].tolist() == [
        f"Dialogue {number(f'Write a dialogue: {setting}', 10**9)}" for setting in ok["setting"]
    ]
    pd.testing.assert_frame_equal(out[list(seeds.columns)], seeds)
    stage.check_paid_once()
