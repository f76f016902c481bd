"""What a type checker sees; mypy reads this file with the rest, and an unused ignore fails it."""

from typing import assert_type

import pandas as pd
import pytest

import dwbatch
from dwbatch.accessor import Accessor
from dwbatch.local import Server
from dwbatch.options import RunOptions
from tests.api.calling import texts


def test_the_result_is_a_frame_to_a_type_checker(server: Server) -> None:
    frame = texts("one")

    out = dwbatch.run(
        frame,
        "{text}",
        model="m",
        base_url=server.base_url,
        checkpoint=False,
        progress=False,
        poll_interval=0.02,
    )
    again = Accessor(frame["text"]).run(
        "{text}", model="m", base_url=server.base_url, checkpoint=False, poll_interval=0.02
    )

    assert_type(out, pd.DataFrame)
    assert_type(again, pd.DataFrame)
    assert isinstance(out, pd.DataFrame)


def test_options_can_be_kept_and_given_again(server: Server) -> None:
    usual: RunOptions = {"model": "m", "base_url": server.base_url, "progress": False, "temperature": 0}

    out = dwbatch.run(texts("one"), "{text}", **usual)

    assert out["response_status"].tolist() == ["ok"]


def test_a_type_checker_refuses_what_the_call_refuses() -> None:
    with pytest.raises(dwbatch.UnknownParameterError):
        dwbatch.run(texts("one"), "{text}", model="m", temprature=0)  # type: ignore[call-overload] # the point of the test
    with pytest.raises(dwbatch.InputError):
        dwbatch.run(texts("one"), "{text}", model="m", max_tokens="many")  # type: ignore[call-overload] # likewise
    with pytest.raises(dwbatch.InputError):
        dwbatch.run(texts("one"), "{text}")  # type: ignore[call-overload] # likewise: no model
