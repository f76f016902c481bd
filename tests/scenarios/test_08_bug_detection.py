"""Bugs in code full of braces and quotes, under ids that are longer than a custom_id may be."""

import json.decoder
import json.encoder
import json.scanner
import string
from inspect import getmembers, getsource, isfunction
from typing import Any, Literal

import pandas as pd

from tests.scenarios.conftest import Plays
from tests.scenarios.setting import asked, number

MODULES = [json.decoder, json.encoder, json.scanner, string]
SOURCES = {
    f"{'samples/of/the/standard/library/' * 3}{module.__name__}.{name}": getsource(function)
    for module in MODULES
    for name, function in getmembers(module, isfunction)
    if function.__module__ == module.__name__
}
SAMPLES = pd.DataFrame(
    {"code": [*SOURCES.values(), "{", "}}{{", "{code}", "f\"{x!r:{w}}\" '\\'", '{"a": {"b": "}"}}'] * 4},
    index=pd.Index([*SOURCES, *(f"{'odd/' * 30}{n}" for n in range(5))] * 4, name="id"),
).assign(version=lambda samples: range(len(samples)))
PROMPTS = pd.DataFrame({"instruction": ["Is there a bug in this?", 'Say "bug" or "no bug".']})


def reviews(body: dict[str, Any]) -> str:
    mood = number(asked(body), 5)
    return {0: "I could not say.", 1: '{"value": "bug"}'}.get(mood, 'Sure: {"value": "no bug"}')


def test_an_answer_that_cannot_be_read_is_not_no_bug(plays: Plays, quick: dict[str, Any]) -> None:
    stage = plays(reviews)
    samples = SAMPLES.reset_index().merge(PROMPTS, how="cross").set_index("id")

    out = samples.doubleword.run(
        "{instruction}\n\n```\n{code}\n```\n(version {version})",
        model="m",
        response_format=Literal["bug", "no bug"],
        output="verdict",
        **quick,
    )

    stage.check(out["verdict_status"], besides=("invalid",))
    prompts = [
        f"{row.instruction}\n\n```\n{row.code}\n```\n(version {row.version})" for row in out.itertuples()
    ]
    expected = {0: "invalid", 1: "bug"}
    told = out["verdict"].astype(object).where(out["verdict_status"] == "ok", out["verdict_status"])
    meant = pd.Series([expected.get(number(prompt, 5), "no bug") for prompt in prompts], out.index)
    assert (told == meant.where(out["verdict_status"] != "failed", "failed")).all()
    assert (out["verdict"].isna() == (out["verdict_status"] != "ok")).all()
    custom_ids = [bill.custom_id for bill in stage.server.ledger()]
    assert max(map(len, custom_ids)) <= 64
    assert not any("samples" in custom_id or "odd" in custom_id for custom_id in custom_ids)
    stage.check_paid_once()
