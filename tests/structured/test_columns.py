import dataclasses
import datetime as dt
import enum
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from dwbatch.answers.structured.fields import Field, Shape
from dwbatch.typed import to_column
from tests.structured.answering import columns


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Place:
    city: str


@dataclasses.dataclass
class Everything:
    text: str
    whole: int
    number: float
    truth: bool
    color: Color
    stars: Literal[1, 2]
    moment: dt.datetime
    day: dt.date
    tags: list[str]
    place: Place
    either: int | str


FULL = {
    "text": "a",
    "whole": 2**63 - 1,
    "number": 0.5,
    "truth": True,
    "color": "blue",
    "stars": 2,
    "moment": "9999-12-31T23:59:59Z",
    "day": "0001-01-01",
    "tags": ["x", "y"],
    "place": {"city": "Bonn"},
    "either": "1",
}
DTYPES = {
    "text": "string",
    "whole": "Int64",
    "number": "Float64",
    "truth": "boolean",
    "color": "category",
    "stars": "Int64",
    "moment": "datetime64[us, UTC]",
    "day": "datetime64[us]",
    "tags": "object",
    "place": "string",
    "either": "string",
}
OK = json.dumps(FULL)
OTHER = json.dumps(FULL | {"text": "b", "tags": ["z", "z"], "color": "red"})
ANSWERS: dict[str, list[str | None]] = {
    "all ok": [OK, OTHER],
    "all failed": ["no", "{}"],
    "no text": [None, None],
    "mixed": [OK, "no", None, OTHER],
    "one row": [OK],
    "empty": [],
}


@pytest.fixture(params=ANSWERS)
def out(request: pytest.FixtureRequest) -> pd.DataFrame:
    return columns(Everything, ANSWERS[request.param])


def test_columns_and_dtypes_do_not_depend_on_what_came_back(out: pd.DataFrame) -> None:
    assert {name: str(dtype) for name, dtype in out.dtypes.items()} == DTYPES
    assert out["color"].cat.categories.tolist() == ["red", "blue"]


def test_dtypes_and_values_survive_parquet(out: pd.DataFrame, tmp_path: Path) -> None:
    out.to_parquet(tmp_path / "out.parquet")

    back = pd.read_parquet(tmp_path / "out.parquet")

    assert {name: str(dtype) for name, dtype in back.dtypes.items()} == DTYPES
    plain = [name for name in DTYPES if name not in {"color", "tags"}]
    pd.testing.assert_frame_equal(back[plain], out[plain])
    assert [tags if tags is None else list(tags) for tags in back["tags"]] == out["tags"].tolist()
    assert back["color"].astype(object).tolist() == pytest.approx(
        out["color"].astype(object).tolist(), nan_ok=True
    )


def test_categories_survive_parquet_where_there_is_a_row(tmp_path: Path) -> None:
    columns(Everything, [None]).to_parquet(tmp_path / "out.parquet")

    back = pd.read_parquet(tmp_path / "out.parquet")

    assert back["color"].cat.categories.tolist() == ["red", "blue"]


def test_values_stand_in_their_rows() -> None:
    out = columns(Everything, [None, OK])

    assert out.isna().iloc[0].all()
    assert out.iloc[1].to_dict() == {
        "text": "a",
        "whole": 2**63 - 1,
        "number": 0.5,
        "truth": True,
        "color": "blue",
        "stars": 2,
        "moment": pd.Timestamp("9999-12-31T23:59:59Z"),
        "day": pd.Timestamp(dt.datetime(1, 1, 1)),  # noqa: DTZ001 - a date is at no place
        "tags": ["x", "y"],
        "place": '{"city": "Bonn"}',
        "either": '"1"',
    }


@pytest.mark.parametrize("lists", [[["a", "b"], ["c", "d"]], [["a"]], [[], []], [["a"], [], None]])
def test_lists_explode_however_long_they_are(lists: list[list[str] | None]) -> None:
    out = columns(list[str], [None if one is None else json.dumps({"value": one}) for one in lists])

    assert out["output"].tolist() == lists
    assert out.explode("output")["output"].dropna().tolist() == [text for one in lists for text in one or ()]


def test_lists_of_lists_are_lists_all_the_way_down() -> None:
    out = columns(list[list[int]], ['{"value": [[1], [2]]}'])

    assert out["output"].tolist() == [[[1], [2]]]


def test_lists_that_hold_themselves_are_json_text_in_the_fifth() -> None:
    lists = {"$ref": "#/$defs/L", "$defs": {"L": {"type": "array", "items": {"$ref": "#/$defs/L"}}}}

    out = columns(lists, ['{"value": [[[[[[], []]]]]]}'])

    assert out["output"].tolist() == [[[[["[[], []]"]]]]]


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        (list[int | str], ['{"value": [1, "a"]}', '{"value": []}']),
        (list[Place], ['{"value": [{"city": "Bonn"}]}', None]),
        (list[float], ['{"value": [1, 0.5]}', '{"value": [null]}']),
    ],
)
def test_any_list_can_be_written_to_parquet(kind: object, texts: list[str | None], tmp_path: Path) -> None:
    out = columns(kind, texts)

    out.to_parquet(tmp_path / "out.parquet")

    back = pd.read_parquet(tmp_path / "out.parquet")["output"]
    assert isinstance(back[0], np.ndarray)
    assert back[0].tolist() == out["output"][0]


def test_equal_answers_do_not_share_one_list() -> None:
    out = columns(list[str], ['{"value": ["a"]}'] * 2)

    out["output"][0].append("b")

    assert out["output"][1] == ["a"]


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        (Color, "category"),
        (bool, "boolean"),
        (list[int], "object"),
        ("json_object", "string"),
        (int | None, "Int64"),
    ],
)
def test_a_bare_type_makes_one_column_of_its_dtype(kind: object, dtype: str) -> None:
    found = [str(columns(kind, texts)["output"].dtype) for texts in ([], ["no"], [None, None])]

    assert found == [dtype] * 3


def test_frames_of_different_fates_join_without_losing_their_types() -> None:
    frames = [columns(Everything, ANSWERS[fate]) for fate in ("all ok", "all failed", "empty")]

    joined = pd.concat(frames, ignore_index=True)

    assert {name: str(dtype) for name, dtype in joined.dtypes.items()} == DTYPES


@pytest.mark.parametrize("index", [pd.Index(["x", "x"]), pd.MultiIndex.from_tuples([(1, 2), (1, 2)])])
def test_a_column_has_the_index_of_the_frame(index: pd.Index) -> None:
    values: list[Any] = [1, None]

    column = to_column(Field("a", Shape.INTEGER), values, index)

    assert column.index.equals(index)
    assert column.iloc[0] == 1
