"""More rows than can be counted are refused before anything is sent, whatever the door."""

from pathlib import Path

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
    with pytest.raises(InputError, match=TOO_MANY):
        dwbatch.run(texts("a", "b", "b"), "say {text}", model="echo", base_url=server.base_url)

    assert server.exchanges() == []


def test_files_of_too_many_rows_are_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    texts("a", "b").to_parquet(tmp_path / "in" / "a.parquet")
    texts("b").to_parquet(tmp_path / "in" / "b.parquet")

    with pytest.raises(InputError, match=TOO_MANY):
        dwbatch.run_parquet(
            tmp_path / "in", tmp_path / "out", "say {text}", model="echo", base_url=server.base_url
        )

    assert server.exchanges() == []


def test_as_many_rows_as_can_be_counted_are_taken() -> None:
    assert dwbatch.plan(texts("a", "b"), "say {text}", model="echo").requests == 2
