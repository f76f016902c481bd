"""The accessor and the typed twins are one thing, and any frame that speaks Arrow may ask."""

import inspect
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import dwbatch
from dwbatch.local import Server
from dwbatch.options import Options
from tests.api.calling import SAY, batches, texts, usual

OPTIONS = [option.name for option in fields(Options)]


@pytest.mark.parametrize("verb", ["preview", "plan", "estimate", "to_jsonl"])
def test_help_and_completion_see_every_option(verb: str) -> None:
    own = {"preview": ["prompt", "rows"], "to_jsonl": ["path", "prompt"]}.get(verb, ["prompt"])

    assert list(inspect.signature(getattr(dwbatch, verb)).parameters) == ["frame", *own, *OPTIONS]
    assert list(inspect.signature(getattr(texts("one").doubleword, verb)).parameters) == [*own, *OPTIONS]


def test_accessor_and_function_say_the_same(server: Server) -> None:
    frame, options = texts("one", "two"), usual(server)

    assert frame.doubleword.plan(SAY, **options) == dwbatch.plan(frame, SAY, **options)
    assert frame["text"].doubleword.plan(SAY, **options) == dwbatch.plan(frame, SAY, **options)
    assert frame.doubleword.estimate(SAY, **options) == dwbatch.estimate(frame, SAY, **options)
    pd.testing.assert_frame_equal(
        frame.doubleword.preview(SAY, **options), dwbatch.preview(frame, SAY, **options)
    )


def test_a_table_of_arrow_asks_as_a_frame_does(server: Server) -> None:
    frame, options = texts("one", "two"), usual(server)
    table = pa.table({"text": ["one", "two"]})

    assert dwbatch.plan(table, SAY, **options) == dwbatch.plan(frame, SAY, **options)
    pd.testing.assert_frame_equal(
        dwbatch.preview(table, SAY, **options), dwbatch.preview(frame, SAY, **options)
    )
    (path,) = dwbatch.to_jsonl(table, "out.jsonl", SAY, **options)
    assert len(path.read_bytes().splitlines()) == 2


def test_several_models_are_previewed_planned_and_priced_as_they_are_sent(server: Server) -> None:
    frame = texts("one", "two")
    options = {**usual(server), "model": {"small": "a", "big": "b"}}

    shown = dwbatch.preview(frame, SAY, **options)
    plan = dwbatch.plan(frame, SAY, **options)
    found = dwbatch.estimate(frame, SAY, **options)
    out = dwbatch.run(frame, SAY, **options, max_cost=found.cost["24h"], details=True)

    sent = [*out["response_small_custom_id"], *out["response_big_custom_id"]]
    assert shown["custom_id"].tolist() == sent
    assert (plan.rows, plan.new) == (4, 4)
    assert sorted(found.models().index) == ["a", "b"]


def test_a_server_that_takes_one_model_a_file_is_planned_and_written_for_so(tmp_path: Path) -> None:
    frame = texts("one", "two", "three", "four").assign(model=["m-1", "m-2"] * 2)
    with Server(dialect="openai") as server:
        options = {**usual(server), "model": "{model}"}

        plan = dwbatch.plan(frame, SAY, **options)
        paths = dwbatch.to_jsonl(frame, tmp_path / "out.jsonl", SAY, **options)
        dwbatch.run(frame, SAY, **options)

        assert plan.shards == len(paths) == len(batches(server)) == 2
    written = [pd.read_json(path, lines=True)["body"].map(lambda body: body["model"]) for path in paths]
    assert [models.unique().tolist() for models in written] == [["m-1"], ["m-2"]]


def test_a_preview_shows_the_custom_ids_of_the_whole_frame_however_long_its_name(server: Server) -> None:
    options = {**usual(server), "name": "n" * 64}
    frame = texts(*map(str, range(101)))

    shown = dwbatch.preview(frame, SAY, **options)
    out = dwbatch.run(frame, SAY, **options, details=True)

    assert shown["custom_id"].tolist() == out["response_custom_id"].tolist()[:3]
