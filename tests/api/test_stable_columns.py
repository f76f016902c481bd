"""The same call gives the same columns and dtypes whatever became of the rows."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from dwbatch.local import Outcome, Server
from tests.api.calling import run_hastily, texts

PLAIN = {
    "response": "string",
    "response_status": "string",
    "response_error_code": "string",
    "response_error": "string",
}
DETAILED = PLAIN | {
    "response_custom_id": "string",
    "response_finish_reason": "string",
    "response_model": "string",
    "response_prompt_tokens": "Int64",
    "response_completion_tokens": "Int64",
    "response_batch_id": "string",
    "response_raw": "string",
    "response_message": "string",
    "response_body": "string",
}
FRAMES = {
    "all ok": texts("one", "two"),
    "all failed": texts("odd", "odd one"),
    "all skipped": texts(None, None),
    "mixed": texts("one", "odd", None),
    "one row": texts("one"),
    "empty": texts("one").head(0),
    "empty and untyped": pd.DataFrame({"text": []}),
}


def script(_: str, body: dict[str, Any]) -> Outcome | None:
    return Outcome.status(400) if "odd" in body["messages"][0]["content"] else None


@pytest.fixture(params=FRAMES)
def out(request: pytest.FixtureRequest) -> pd.DataFrame:
    with Server(outcomes=script) as server:
        return run_hastily(server, FRAMES[request.param], details=True)


def test_columns_and_dtypes_do_not_depend_on_what_came_back(out: pd.DataFrame) -> None:
    assert {name: str(dtype) for name, dtype in out.dtypes.iloc[1:].items()} == DETAILED
    assert all(isinstance(out[name].dtype, pd.StringDtype) for name in PLAIN)


def test_dtypes_and_values_survive_parquet(out: pd.DataFrame, tmp_path: Path) -> None:
    out.to_parquet(tmp_path / "out.parquet")

    back = pd.read_parquet(tmp_path / "out.parquet")

    pd.testing.assert_frame_equal(back[list(DETAILED)], out[list(DETAILED)])


def test_parquet_files_have_one_schema(out: pd.DataFrame, tmp_path: Path) -> None:
    out[list(DETAILED)].to_parquet(tmp_path / "out.parquet", index=False)

    kinds = pq.read_schema(tmp_path / "out.parquet").types

    # Which of Arrow's two string types it is, is up to the version of pandas.
    assert {str(kind).removeprefix("large_") for kind in kinds} == {"string", "int64"}
    assert len(kinds) == len(DETAILED)


def test_without_details_there_are_four_columns() -> None:
    with Server() as server:
        out = run_hastily(server, texts("one"))

    assert {name: str(dtype) for name, dtype in out.dtypes.iloc[1:].items()} == PLAIN


def test_frames_of_different_fates_join_without_losing_their_types() -> None:
    with Server(outcomes=script) as server:
        outs = [run_hastily(server, frame) for frame in (FRAMES["all ok"], FRAMES["all failed"])]

    joined = pd.concat(outs, ignore_index=True)

    assert {name: str(dtype) for name, dtype in joined.dtypes.iloc[1:].items()} == PLAIN
    assert joined["response_status"].tolist() == ["ok", "ok", "failed", "failed"]
