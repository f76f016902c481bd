from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest

import dwbatch
from dwbatch import InputError
from dwbatch.local import Server
from tests.api.calling import Run, at, batches, posts, rows, texts

BOTH = {"small": "m-1", "big": "m-2"}


def names_itself(body: dict[str, Any]) -> str:
    return f"{body['model']} says {body['messages'][-1]['content']}"


@pytest.mark.promise
def test_every_model_answers_every_row_in_columns_of_its_own() -> None:
    frame = texts("one", None, "two", index=["a", "b", "a"])
    with Server(answer=names_itself) as server:
        out = at(server)(frame, "{text}", model=BOTH)

    assert list(out.columns) == ["text"] + [
        f"response_{label}{ending}" for label in BOTH for ending in ("", "_status", "_error_code", "_error")
    ]
    assert rows(out, "response_small") == [
        ("m-1 says one", "ok", None),
        (None, "skipped", "null_input"),
        ("m-1 says two", "ok", None),
    ]
    assert rows(out, "response_big")[2] == ("m-2 says two", "ok", None)
    assert out.index.tolist() == ["a", "b", "a"]


@pytest.mark.promise
def test_a_model_added_later_is_all_that_is_paid_for(server: Server, run: Run) -> None:
    run(texts("one", "two"), model={"small": "m-1"})

    out = run(texts("one", "two"), model=BOTH)

    assert sorted(bill.model for bill in server.ledger()) == ["m-1", "m-1", "m-2", "m-2"]
    assert out["response_small_status"].tolist() == out["response_big_status"].tolist() == ["ok", "ok"]


def test_the_same_call_again_sends_nothing(server: Server, run: Run) -> None:
    run(texts("one"), model=BOTH)
    sent = posts(server)

    run(texts("one"), model=BOTH)

    assert posts(server) == sent


def test_what_one_model_answered_alone_is_not_bought_again(server: Server, run: Run) -> None:
    run(texts("one"), model="m-1")

    run(texts("one"), model=BOTH)

    assert sorted(bill.model for bill in server.ledger()) == ["m-1", "m-2"]


def test_the_long_form_makes_the_same_requests(server: Server, run: Run) -> None:
    run(texts("one", "two"), model=BOTH)
    long = texts("one", "two").merge(pd.DataFrame({"model": [*BOTH.values()]}), how="cross")

    out = run(long, model="{model}")

    assert out["response_status"].tolist() == ["ok"] * 4
    assert len(server.ledger()) == 4


def test_the_long_form_finds_the_folder_of_the_mapping(server: Server, run: Run) -> None:
    run(texts("one"), model=BOTH, checkpoint=None)
    sent = posts(server)

    run(texts("one", "one").assign(model=[*BOTH.values()]), model="{model}", checkpoint=None)

    assert posts(server) == sent


def test_a_doubleword_server_gets_all_models_in_one_file() -> None:
    out = at_local(texts("one", "two"), model=BOTH)

    assert len(dwbatch.attach("job", base_url="local").batches()) == 1
    assert out["response_big"].tolist() == ["echo: say one", "echo: say two"]


def at_local(frame: pd.DataFrame, **options: Any) -> pd.DataFrame:
    return dwbatch.run(
        frame, "say {text}", base_url="local", checkpoint="job", progress=False, poll_interval=0.02, **options
    )


@pytest.mark.parametrize("model", [BOTH, "{model}"], ids=["mapping", "template"])
def test_a_server_that_takes_one_model_a_file_gets_one_file_a_model(model: Any) -> None:
    frame = texts("one", "two", "three", "four").assign(model=["m-1", "m-2"] * 2)
    with Server(dialect="openai") as server:
        out = at(server)(frame, model=model)

        assert len(batches(server)) == 2
    assert (out.filter(regex="_status$") == "ok").all(axis=None)


def test_a_models_failure_is_its_own() -> None:
    def refuses(_: str, body: dict[str, Any]) -> dwbatch.local.Outcome | None:
        return dwbatch.local.Outcome.status(400, "no") if body["model"] == "m-2" else None

    with Server(outcomes=refuses) as server:
        out = at(server)(texts("one"), model=BOTH)

    assert out["response_small_status"].tolist() == ["ok"]
    assert out["response_big_error_code"].tolist() == ["http_400"]


def test_the_fields_of_a_format_are_named_after_their_model(run: Run) -> None:
    schema = {
        "type": "object",
        "properties": {"mood": {"enum": ["good", "bad"]}, "stars": {"type": "integer"}},
    }

    out = run(texts("one"), model=BOTH, response_format=schema, prefix="its_")

    assert [name for name in out.columns if name.startswith("its_")] == [
        "its_small_mood",
        "its_small_stars",
        "its_big_mood",
        "its_big_stars",
    ]
    assert str(out["its_big_mood"].dtype) == "category"


def test_a_bare_type_fills_the_column_of_each_model(run: Run) -> None:
    out = run(texts("one"), model=BOTH, response_format=Literal["good", "bad"], output="mood")

    assert (
        out["mood_small"].cat.categories.tolist()
        == out["mood_big"].cat.categories.tolist()
        == ["good", "bad"]
    )


def test_a_frame_may_have_a_column_model_of_its_own() -> None:
    with Server(answer=names_itself) as server:
        out = at(server)(texts("one").assign(model="T"), "{model}", model=BOTH)

    assert out["response_big"].tolist() == ["m-2 says T"]
    assert out["model"].tolist() == ["T"]


def test_an_answer_column_that_is_there_already_is_no_collision_for_others(run: Run) -> None:
    first = run(texts("one"))

    out = run(first, "{response}", model=BOTH)

    assert out["response"].tolist() == ["echo: say one"]
    assert out["response_big"].tolist() == ["echo: echo: say one"]


def test_the_input_frame_is_untouched(run: Run) -> None:
    frame = texts("one", "two")
    before = frame.copy()

    out = run(frame, model=BOTH)

    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(out[["text"]], before)


def test_a_custom_id_may_name_the_model(server: Server, run: Run) -> None:
    run(texts("one"), model=BOTH, custom_id="{text}-{model}")

    assert sorted(bill.custom_id for bill in server.ledger()) == ["one-m-1", "one-m-2"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": {}}, "needs model=, the name of a model"),
        ({"model": {"small": ""}}, "needs model=, the name of a model"),
        ({"model": {1: "m"}}, "needs model=, the name of a model"),
        ({"model": BOTH, "custom_id": "{text}"}, "stands on several different requests"),
        ({"model": BOTH, "output": "there"}, "The frame already has the column 'there_small'"),
        ({"model": {"": "m"}}, "needs model=, the name of a model"),
        (
            {"model": {"a": "m", "a_status": "n"}},
            "Two models would both write the column 'response_a_status'",
        ),
    ],
)
def test_a_wrong_lineup_is_refused_before_anything_is_sent(
    server: Server, run: Run, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        run(texts("one").assign(there_small=1), **options)

    assert posts(server) == []


def test_one_sentence_tells_of_all_models(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run(texts("one", None), model=BOTH, progress=True)

    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("2 rows for 2 models each: 2 ok, 2 not ok (2 null_input); 2 requests sent;")


def test_embeddings_of_several_models_may_differ_in_length(tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        numbers = [1.0] * (2 if body["model"] == "m-1" else 3)
        return {"model": body["model"], "data": [{"embedding": numbers}]}

    with Server(answer=answer) as server:
        out = dwbatch.embed(
            texts("one", "two"), "text", model=BOTH, base_url=server.base_url, checkpoint=tmp_path / "e",
            progress=False, poll_interval=0.02,
        )  # fmt: skip

    assert [len(vector) for vector in out["embedding_small"]] == [2, 2]
    assert [len(vector) for vector in out["embedding_big"]] == [3, 3]
