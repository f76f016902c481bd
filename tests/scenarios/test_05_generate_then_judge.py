"""A model answers people's questions, and another one judges the answers."""

from typing import Any

from pydantic import BaseModel, Field

from tests.scenarios.conftest import Plays
from tests.scenarios.setting import asked, number, questions


class Verdict(BaseModel):
    score: int = Field(ge=1, le=5)
    reason: str


def answers_and_judges(body: dict[str, Any]) -> str:
    if body["model"] == "writer":
        return f"Well: {asked(body)}"
    score = 1 + number(asked(body), 5)
    return Verdict(score=score, reason=f"because of {asked(body)[-30:]}").model_dump_json()


def test_two_runs_chain_on_one_frame(plays: Plays, quick: dict[str, Any]) -> None:
    stage = plays(answers_and_judges)

    drafts = questions(120).doubleword.run("{question}", model="writer", output="draft", **quick)
    judged = drafts.doubleword.run(
        "Question: {question}\nAnswer: {draft}\nScore it from 1 to 5.",
        model="judge",
        response_format=Verdict,
        output="verdict",
        **quick,
    )

    stage.check(judged["draft_status"])
    stage.check(judged["verdict_status"], besides=("skipped",))
    wrote = judged["draft_status"] == "ok"
    assert judged.loc[~wrote, "verdict_error_code"].tolist() == ["null_input"] * int((~wrote).sum())
    ok = judged[judged["verdict_status"] == "ok"]
    prompts = "Question: " + ok["question"] + "\nAnswer: " + ok["draft"] + "\nScore it from 1 to 5."
    assert ok["score"].tolist() == [1 + number(prompt, 5) for prompt in prompts]
    assert (ok["draft"] == "Well: " + ok["question"]).all()
    stage.check_paid_once()
