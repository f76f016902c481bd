"""More rows than can be counted are refused before anything is sent, whatever the door."""

from pathlib import Path

import pandas as pd
import pytest

import dwbatch
from dwbatch.engine import wanted
from dwbatch.errors import InputError
from dwbatch.local import Server
from tests.engine.weather import texts

TOO_MANY = r"^3 rows are too many for one call, which takes at most 2\. .* Nothing was sent\.$"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wanted, "MOST_ROWS", 2)


def test_a_frame_of_too_many_rows_is_refused(server: Server) -> None:
    frame: pd.DataFrame = texts("a", "b", "b")

    with pytest.raises(InputError, match=TOO_MANY):
        dwbatch.run(frame, "say {text}", model="echo", base_url=server.base_url)
    assert server.ledger() == []


def test_files_of_too_many_rows_are_refused(server: Server, tmp_path: Path) -> None:
    for name, rows in {"a": texts("a", "b"), "b": texts("b")}.items():
        (tmp_path / "in").mkdir(exist_ok=True)
        rows.to_parquet(tmp_path / "in" / f"{name}.parquet")

    with pytest.raises(InputError, match=TOO_MANY):
        dwbatch.run_parquet(
            tmp_path / "in", tmp_path / "out", "say {text}", model="echo", base_url=server.base_url
        )
    assert server.ledger() == []


def test_as_many_rows_as_can_be_counted_are_taken() -> None:
    assert dwbatch.plan(texts("a", "b"), "say {text}", model="echo").requests == 2
