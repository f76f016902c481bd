"""Many equal rows: one warning, at the caller's own line, with both ways out."""

import inspect
import warnings
from collections.abc import Callable

import pandas as pd
import pytest

import dwbatch
from dwbatch import EqualRowsWarning
from dwbatch.local import Server
from tests.api.calling import SAY, Run, at, texts, usual

EQUAL = texts("a", "b", "a", "a", "a")


def through_the_function(server: Server) -> int:
    dwbatch.run(EQUAL, SAY, **usual(server))
    return line_above()


def through_the_accessor(server: Server) -> int:
    EQUAL.doubleword.run(SAY, **usual(server))
    return line_above()


def through_a_series(server: Server) -> int:
    EQUAL["text"].doubleword.run(SAY, **usual(server))
    return line_above()


def line_above() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno - 1


@pytest.mark.parametrize("call", [through_the_function, through_the_accessor, through_a_series])
def test_the_warning_stands_at_the_callers_own_line(server: Server, call: Callable[[Server], int]) -> None:
    with pytest.warns(EqualRowsWarning) as caught:
        line = call(server)

    (warning,) = caught
    assert (warning.filename, warning.lineno) == (__file__, line)
    assert str(warning.message) == (
        "3 of 5 rows make the same request as an earlier row; each distinct request is sent once and its answer "
        "stands on every such row. Say dedupe=True if that is meant, or dedupe=False for a sample of its own on "
        "every row."
    )


@pytest.mark.parametrize(
    "said", [{"dedupe": True}, {"dedupe": False}, {"temperature": 0}, {"temperature": 0.0}, {"seed": 1}]
)
def test_whoever_said_that_it_is_meant_is_not_warned(run: Run, said: dict[str, object]) -> None:
    out = run(EQUAL, **said)

    assert out["response_status"].tolist() == ["ok"] * 5


@pytest.mark.parametrize(
    "frame", [texts("a", "a", "b", "b"), texts("a", "a"), texts(None, None, None, "a"), EQUAL[:0]]
)
def test_up_to_half_of_the_rows_may_be_equal(run: Run, frame: pd.DataFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(frame)


def test_a_warning_made_an_error_stops_the_call_before_anything_is_sent(server: Server) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", EqualRowsWarning)
        with pytest.raises(EqualRowsWarning):
            at(server)(EQUAL)

    assert server.exchanges() == []
