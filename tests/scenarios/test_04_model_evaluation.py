"""Which of three models is best at sums, and how many rows that leaves out of account."""

import re
from typing import Any

import pandas as pd

from tests.scenarios.conftest import Plays
from tests.scenarios.setting import asked, number

MODELS = {"tiny": "org/tiny-1B", "middle": "org/middle-8B", "large": "org/large-70B"}
# One answer in so many is wrong.
SLIPS = {"org/tiny-1B": 2, "org/middle-8B": 7, "org/large-70B": 10**6}

SUMS = pd.DataFrame({"left": range(100, 170), "right": [7 * n % 50 for n in range(70)]}).assign(
    question=lambda sums: "What is " + sums["left"].astype(str) + " + " + sums["right"].astype(str) + "?",
    truth=lambda sums: sums["left"] + sums["right"],
)


def adds(body: dict[str, Any]) -> str:
    total = sum(map(int, re.findall(r"\d+", asked(body))))
    return f'{{"value": {total + (number(total, SLIPS[body["model"]]) == 0)}}}'


def test_one_column_set_a_model_and_accuracy_over_the_rows_that_are_ok(
    plays: Plays, quick: dict[str, Any]
) -> None:
    stage = plays(adds)

    out = SUMS.doubleword.run(
        "{question}",
        system="Answer with a number and nothing else.",
        model=MODELS,
        response_format=int,
        temperature=0,
        output="answer",
        **quick,
    )
    ok = pd.DataFrame({label: out[f"answer_{label}_status"] == "ok" for label in MODELS})
    right = pd.DataFrame({label: out[f"answer_{label}"] == out["truth"] for label in MODELS})
    report = pd.DataFrame({"accuracy": right[ok].mean(), "not ok": (~ok).sum()})

    assert report["accuracy"].is_monotonic_increasing
    assert report["accuracy"].max() == 1
    assert report["accuracy"].min() < 0.8
    assert (report["not ok"].sum() > 0) == stage.is_foul
    assert out["answer_tiny"].dtype == "Int64"
    stage.check_paid_once()
