"""Agents in rounds: each round asks those that are not finished, with what their tools have said."""

import json
from typing import Any

import pandas as pd

from tests.scenarios.conftest import Plays
from tests.scenarios.setting import killed, number, questions

ROUNDS = 20
WANTS = 4
TOOLS = [
    {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
]


def agent(body: dict[str, Any]) -> dict[str, Any]:
    """Looks things up as often as its first message wants it to, and then says what it was told."""
    first, *later = body["messages"]
    told = [message["content"] for message in later if message["role"] == "tool"]
    wants = number(first["content"], WANTS)
    if len(told) < wants:
        call: dict[str, Any] = {"id": f"call-{len(told)}", "type": "function"}
        call["function"] = {"name": "look_up", "arguments": json.dumps({"step": len(told)})}
        message: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": [call]}
    else:
        message = {"role": "assistant", "content": f"{first['content']}: {', '.join(told)}"}
    finish = "tool_calls" if message["content"] is None else "stop"
    return {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def look_up(question: str, step: int) -> str:
    return f"fact {number(question, 1000)}.{step}"


def play(agents: pd.DataFrame, rounds: int = ROUNDS, **options: Any) -> pd.DataFrame:
    """The user's script: whoever is not finished is asked again."""
    agents = agents.assign(answer=None, status="", rounds=0)
    for _ in range(rounds):
        unfinished = agents[agents["status"] == ""]
        if unfinished.empty:
            break
        out = unfinished.doubleword.run(
            messages="messages", tools=TOOLS, model="m", completion_window="1h", details=True, **options
        )
        calls = out["response_finish_reason"].isin(["tool_calls"])
        agents.loc[out.index, "rounds"] += 1
        agents.loc[out.index[~calls], "answer"] = out.loc[~calls, "response"].astype(object)
        agents.loc[out.index[~calls], "status"] = out.loc[~calls, "response_status"].astype(object)
        said = agents["messages"].to_dict()
        for label, row in out[calls].iterrows():
            message = json.loads(row["response_message"])
            steps = [json.loads(call["function"]["arguments"])["step"] for call in message["tool_calls"]]
            said[label] = [
                *row["messages"],
                message,
                *(
                    {
                        "role": "tool",
                        "tool_call_id": f"call-{step}",
                        "content": look_up(row["question"], step),
                    }
                    for step in steps
                ),
            ]
        agents["messages"] = agents.index.map(said)
    return agents


def test_each_round_asks_the_unfinished_alone_and_resumes(plays: Plays, quick: dict[str, Any]) -> None:
    stage = plays(agent)
    agents = questions(80).assign(
        messages=lambda frame: frame["question"].map(lambda text: [{"role": "user", "content": text}])
    )
    for _ in range(2 if stage.is_foul else 0):
        killed(lambda **options: play(agents, **quick, **options), at=1)

    out = play(agents, **quick)

    stage.check(out["status"])
    ok = out[out["status"] == "ok"]
    assert ok["rounds"].tolist() == [1 + number(question, WANTS) for question in ok["question"]]
    assert ok["answer"].tolist() == [
        f"{question}: {', '.join(look_up(question, step) for step in range(number(question, WANTS)))}"
        for question in ok["question"]
    ]
    assert len(stage.server.ledger()) == out["rounds"].sum()
    stage.check_paid_once()
