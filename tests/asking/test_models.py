"""The model as a column of the frame."""

import pandas as pd
import pytest

from dwbatch.errors import InputError
from dwbatch.local import Server
from tests.api.calling import Listener, Run, at, rows, texts


@pytest.mark.parametrize("on_null", ["skip", "render"])
def test_each_row_names_its_model_and_without_one_makes_no_request(on_null: str) -> None:
    model = Listener()
    frame = pd.DataFrame({"text": ["a", "b", "c"], "by": ["small", None, "big"]})
    with Server(answer=model) as server:
        out = at(server)(frame, model="{by}", on_null=on_null)

    assert [row[1:] for row in rows(out)] == [("ok", None), ("skipped", "null_input"), ("ok", None)]
    assert [body["model"] for body in model.bodies] == ["small", "big"]


def test_a_model_that_names_no_column_is_refused(run: Run) -> None:
    with pytest.raises(InputError, match="Column 'modell' is named in the model but not in the frame"):
        run(texts("a"), model="{modell}")


def test_the_same_text_for_two_models_is_two_requests(server: Server, run: Run) -> None:
    frame = pd.DataFrame({"text": ["a", "a"], "by": ["small", "big"]})

    run(frame, model="{by}")

    assert sorted(bill.model for bill in server.ledger()) == ["big", "small"]
