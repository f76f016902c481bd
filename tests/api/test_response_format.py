"""Answers held to a type or schema: typed columns, `invalid` rows, and what is paid for them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import pydantic
import pytest

from dwbatch import InputError
from dwbatch.local import Server
from tests.api.calling import Run, at

FRAME = pd.DataFrame({"text": ["good", "bad", "odd", None]}, index=[3, 3, 1, 0])
LABEL = Literal["pos", "neg"]


class Review(pydantic.BaseModel):
    label: LABEL
    score: int | None = None


@dataclass
class Scored:
    label: LABEL
    score: int | None = None


def answer(body: dict[str, Any]) -> str:
    """What a model says: a label for what is good or bad, prose for what is odd."""
    said = body["messages"][-1]["content"]
    if "odd" in said:
        return "I would rather not."
    label = "pos" if "good" in said else "neg"
    properties = body["response_format"].get("json_schema", {}).get("schema", {}).get("properties", {})
    return json.dumps({"value": label} if "value" in properties else {"label": label, "score": len(said)})


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answer=answer) as server:
        yield server


def test_a_label_fills_the_answer_column_with_categories(run: Run) -> None:
    out = run(FRAME, response_format=LABEL)

    assert out["response"].tolist()[:2] == ["pos", "neg"]
    assert out["response"].dtype == pd.CategoricalDtype(["pos", "neg"])
    assert out["response_status"].tolist() == ["ok", "ok", "invalid", "skipped"]
    assert out["response_error_code"].fillna("").tolist() == ["", "", "invalid_json", "null_input"]
    assert out.index is FRAME.index


@pytest.mark.parametrize("kind", [Review, Scored, Review.model_json_schema()])
def test_a_class_or_schema_makes_a_typed_column_of_each_field(run: Run, kind: object) -> None:
    out = run(FRAME, response_format=kind)

    assert list(out.columns) == [
        "text", "label", "score", "response_status", "response_error_code", "response_error",
    ]  # fmt: skip
    assert out["score"].dtype == pd.Int64Dtype()
    assert out["score"].fillna(0).tolist() == [len("say good"), len("say bad"), 0, 0]
    assert out["label"].isna().tolist() == [False, False, True, True]


def test_any_object_comes_back_as_its_text(run: Run) -> None:
    out = run(FRAME.iloc[:1], response_format="json_object")

    assert json.loads(out["response"].iloc[0]) == {"label": "pos", "score": 8}


def test_columns_and_dtypes_are_the_same_whatever_came_back(run: Run) -> None:
    frames = [FRAME, FRAME.iloc[:2], FRAME.iloc[2:3], FRAME.iloc[3:], FRAME.iloc[:0]]

    outs = [run(frame, response_format=Review) for frame in frames]

    for out in outs[1:]:
        pd.testing.assert_series_equal(out.dtypes.drop("text"), outs[0].dtypes.drop("text"))


def test_the_fields_take_a_prefix(run: Run) -> None:
    out = run(FRAME, response_format=Review, prefix="review_")

    assert {"review_label", "review_score"} < set(out.columns)


def test_fields_that_are_columns_already_are_refused(server: Server, run: Run) -> None:
    with pytest.raises(InputError, match="already has the column 'label'"):
        run(FRAME.assign(label=1), response_format=Review)
    with pytest.raises(InputError, match="field 'label_status', which is also the name of another"):
        run(FRAME, response_format={"properties": {"label_status": {"type": "string"}}}, output="label")

    assert server.exchanges() == []


def test_a_format_that_cannot_be_kept_is_refused_before_anything_is_sent(server: Server, run: Run) -> None:
    with pytest.raises(InputError, match=r"dict\[str, int\].*Nothing was sent"):
        run(FRAME, response_format=dict[str, int])

    assert server.exchanges() == []


def test_another_reading_of_the_same_request_pays_nothing(server: Server, run: Run) -> None:
    first = run(FRAME, response_format=Review)
    bought = len(server.ledger())

    # The title is what the class is called; all else that is sent is the same.
    again = run(FRAME, response_format={"title": "Review", **Review.model_json_schema()}, output="review")

    assert len(server.ledger()) == bought
    assert again["label"].tolist()[:2] == first["label"].tolist()[:2]


def test_another_format_is_another_request(server: Server, run: Run) -> None:
    run(FRAME, response_format=Review)
    bought = len(server.ledger())

    run(FRAME, response_format=LABEL)

    assert len(server.ledger()) == 2 * bought


def test_only_answers_that_do_not_fit_are_sent_again_when_they_are_asked_for(
    server: Server, run: Run
) -> None:
    run(FRAME, response_format=Review)
    bought = [bill.custom_id for bill in server.ledger()]

    run(FRAME, response_format=Review)
    run(FRAME, response_format=Review, retry="invalid")

    added = [bill.custom_id for bill in server.ledger()][len(bought) :]
    assert len(added) == 1
    assert added[0].startswith("dwbatch-row-2-")


def test_an_answer_that_fits_stands_before_a_newer_one_that_does_not() -> None:
    said = iter(["no", json.dumps({"label": "neg", "score": 1}), "no"])
    with Server(answer=lambda _body: next(said)) as model:
        odd, run = FRAME.iloc[2:3], at(model)
        run(odd, response_format=Review, retry=False)
        mended = run(odd, response_format=Review, retry="invalid")
        stands = run(odd, response_format=Review, retry="invalid")

        assert len(model.ledger()) == 2
    assert mended["label"].tolist() == stands["label"].tolist() == ["neg"]


def test_the_text_that_does_not_fit_is_kept_in_the_raw_column(run: Run) -> None:
    out = run(FRAME, response_format=Review, details=True)

    assert out["response_raw"].iloc[2] == "I would rather not."
    assert "I would rather not" in out["response_error"].iloc[2]
