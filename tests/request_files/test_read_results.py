"""Result files of either server, read into one frame without an exception."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

import dwbatch
from dwbatch.errors import InputError
from dwbatch.local import Outcome, Server

CHAT = {"model": "m", "choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]}


def answered(custom_id: str, status: int = 200, body: Any = CHAT) -> str:
    response = {"status_code": status, "request_id": "r", "body": body}
    return json.dumps({"id": "x", "custom_id": custom_id, "response": response, "error": None})


def written(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_best_result_of_each_custom_id_stands_whichever_file_it_is_in(tmp_path: Path) -> None:
    old = written(tmp_path, "old.jsonl", answered("a", 500, {}), answered("b"))
    new = written(tmp_path, "new.jsonl", answered("b", 429, {}), answered("a"), answered("c", 404, {}))

    out = dwbatch.read_results(old, new)

    told = out[["custom_id", "status", "error_code"]].astype(object).where(out["error_code"].notna(), None)
    assert out["custom_id"].tolist() == ["b", "a", "c"]
    assert out["status"].tolist() == ["ok", "ok", "failed"]
    assert told["error_code"].tolist() == [None, None, "http_404"]


def test_lines_that_cannot_be_read_are_counted_and_never_an_exception(tmp_path: Path) -> None:
    path = written(tmp_path, "output.jsonl", answered("a"), '{"custom_id": "b", "resp', "nonsense", "", "[]")

    with pytest.warns(dwbatch.ResultsWarning, match=r"3 of 4 lines .* 2 of them"):
        out = dwbatch.read_results(path)

    assert out["custom_id"].tolist() == ["a", "b"]
    assert out["error_code"].tolist()[1] == "malformed_line"


def test_columns_and_dtypes_are_the_same_whatever_the_files_hold(tmp_path: Path) -> None:
    empty = dwbatch.read_results(written(tmp_path, "empty.jsonl"))
    full = dwbatch.read_results(written(tmp_path, "full.jsonl", answered("a")))
    none = dwbatch.read_results()

    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)
    pd.testing.assert_series_equal(none.dtypes, full.dtypes)
    assert list(full.columns[:5]) == ["custom_id", "status", "error_code", "error", "content"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl"):
        dwbatch.read_results(tmp_path / "none.jsonl")


@pytest.mark.parametrize("dialect", ["doubleword", "openai"])
def test_downloads_of_both_servers_are_read(tmp_path: Path, dialect: Any) -> None:
    def outcome(_: str, body: dict[str, Any]) -> Outcome | None:
        return Outcome.status(400) if "bad" in body["messages"][-1]["content"] else None

    frame = pd.DataFrame({"text": ["good", "bad"]})
    with Server(outcomes=outcome, dialect=dialect) as server:
        dwbatch.run(
            frame,
            "{text}",
            model="m",
            base_url=server.base_url,
            checkpoint=tmp_path / "job",
            progress=False,
            custom_id="{text}",
        )
        (batch,) = requests.get(f"{server.base_url}/batches", timeout=60).json()["data"]
        paths = []
        for name in ("output_file_id", "error_file_id"):
            content = requests.get(f"{server.base_url}/files/{batch[name]}/content", timeout=60).content
            paths.append(tmp_path / f"{name}.jsonl")
            paths[-1].write_bytes(content)

    out = dwbatch.read_results(*paths).set_index("custom_id")

    assert out.loc["good", "content"] == "echo: good"
    assert (out["status"]["bad"], out["error_code"]["bad"]) == ("failed", "http_400")


@given(st.binary(max_size=200))
@pytest.mark.filterwarnings("ignore::dwbatch.ResultsWarning")
def test_no_bytes_at_all_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(content)

    assert isinstance(dwbatch.read_results(path), pd.DataFrame)
