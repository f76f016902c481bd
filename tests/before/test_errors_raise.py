"""errors="raise": everything is merged and kept, and then said aloud."""

import pickle
from typing import Any

import pandas as pd
import pytest

import dwbatch
from dwbatch import InputError, RowsFailedError
from dwbatch.local import Outcome, Server
from tests.api.calling import SAY, Run, at, rows, texts


def bad(_: str, body: dict[str, Any]) -> Outcome | None:
    return Outcome.status(400, {"why": "secret prompt"}) if "bad" in body["messages"][0]["content"] else None


def test_the_frame_of_the_error_is_what_the_call_would_have_returned() -> None:
    frame = texts("one", "bad", None, "bad too")
    with Server(outcomes=bad) as server:
        with pytest.raises(RowsFailedError) as caught:
            at(server)(frame, errors="raise")

        pd.testing.assert_frame_equal(caught.value.frame, at(server)(frame))
    assert caught.value.codes == {"http_400": 2}
    assert str(caught.value).startswith("2 of 4 rows are not ok (2 http_400). Every answer is kept")


def test_rows_that_are_ok_or_skipped_for_a_null_raise_nothing(run: Run) -> None:
    out = run(texts("one", None), errors="raise")

    assert [status for _, status, _ in rows(out)] == ["ok", "skipped"]


def test_a_row_that_is_too_large_to_send_is_a_failure(run: Run) -> None:
    with pytest.raises(RowsFailedError, match="1 request_too_large"):
        run(texts("one", "x" * 900), errors="raise", max_bytes_per_batch=500)


def test_the_error_shows_neither_prompt_nor_answer_and_travels_between_processes() -> None:
    with Server(outcomes=bad) as server, pytest.raises(RowsFailedError) as caught:
        at(server)(texts("bad secret"), errors="raise")

    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    pd.testing.assert_frame_equal(copy.frame, caught.value.frame)
    assert copy.codes == {"http_400": 1}
    assert "secret" not in repr(caught.value) + str(caught.value)


def test_another_word_is_refused(server: Server, run: Run) -> None:
    with pytest.raises(InputError, match="errors= takes 'coerce' or 'raise'; got 'ignore'"):
        run(texts("one"), errors="ignore")

    assert server.exchanges() == []


def test_the_rest_of_a_raised_call_is_not_sent_again() -> None:
    with Server(outcomes=bad) as server:
        for _ in range(2):
            with pytest.raises(RowsFailedError):
                dwbatch.run(
                    texts("one", "bad"),
                    SAY,
                    model="m",
                    base_url=server.base_url,
                    checkpoint="job",
                    progress=False,
                    errors="raise",
                )
        assert len(server.ledger()) == 2
