"""Frames of other libraries: what goes in comes back as its own kind, and asks what pandas would ask."""

import subprocess
import sys
from collections.abc import Callable
from enum import Enum
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel

import dwbatch
from dwbatch import InputError, RowsFailedError
from dwbatch.local import Outcome, Server
from tests.api.calling import posts, usual

TABLE = pa.table({"text": ["one", None, "two"], "n": [1, 2, 3]})

KINDS: dict[str, tuple[Callable[[pa.Table], Any], Callable[[Any], pa.Table]]] = {
    "polars": (pl.from_arrow, pa.table),
    "duckdb": (duckdb.from_arrow, lambda frame: frame.to_arrow_table()),
    "table": (lambda table: table, lambda frame: frame),
    "record batch": (lambda table: table.to_batches()[0], lambda frame: pa.Table.from_batches([frame])),
}


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Review(BaseModel):
    mood: Mood
    stars: int
    tags: list[str]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(server: Server, frame: Any, prompt: str = "say {text}", **options: Any) -> Any:
    return dwbatch.run(frame, prompt, **{**usual(server), **options})


def shown(frame: Any, kind: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = KINDS[kind][1](frame).to_pylist()
    return rows


@pytest.mark.promise
def test_a_frame_comes_back_as_its_own_kind_with_its_answers(server: Server, kind: str) -> None:
    frame = KINDS[kind][0](TABLE)

    out = run(server, frame)

    assert type(out) is type(frame)
    assert [
        (row["text"], row["n"], row["response"], row["response_status"], row["response_error_code"])
        for row in shown(out, kind)
    ] == [
        ("one", 1, "echo: say one", "ok", None),
        (None, 2, None, "skipped", "null_input"),
        ("two", 3, "echo: say two", "ok", None),
    ]


@pytest.mark.promise
def test_a_frame_asks_what_the_same_frame_of_pandas_asks(server: Server, kind: str) -> None:
    run(server, TABLE.to_pandas(), "{text} {n}")
    sent = posts(server)

    out = run(server, KINDS[kind][0](TABLE), "{text} {n}")

    assert posts(server) == sent
    assert shown(out, kind)[0]["response"] == "echo: one 1"


COLUMNS = pl.DataFrame(
    {
        "category": pl.Series(["x", None], dtype=pl.Categorical),
        "enum": pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"])),
        "list": [[1, 2], []],
        "struct": [{"a": 1, "b": None}, {"a": None, "b": "z"}],
        "float": [1.0, float("nan")],
        "float32": pl.Series([0.1, 2.0], dtype=pl.Float32),
        "truth": [True, None],
        "zoned": pl.Series([1, 2], dtype=pl.Datetime("us", "Europe/Berlin")),
        "day": pl.Series([1, None], dtype=pl.Date),
        "span": pl.Series([1, 2], dtype=pl.Duration("us")),
        "decimal": pl.Series(["1.50", "2.00"]).str.to_decimal(scale=2),
        "nothing": pl.Series([None, None], dtype=pl.Null),
        "array": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int32, 2)),
    }
)


@pytest.mark.parametrize("name", COLUMNS.columns)
def test_a_column_of_polars_says_what_it_says_in_pandas(server: Server, name: str) -> None:
    column = COLUMNS.select(pl.col(name).alias("text"))

    out = run(server, column)

    there = run(server, COLUMNS.to_pandas()[[name]].set_axis(["text"], axis="columns"))
    assert (
        out["response"].to_list()
        == there["response"].astype(object).where(there["response"].notna(), None).tolist()
    )
    assert out["response_status"].to_list() == there["response_status"].tolist()
    assert out.select("text").equals(column)


@pytest.mark.parametrize("rows", [0, 1])
def test_structured_answers_have_types_that_only_the_format_decides(
    server: Server, rows: int, kind: str
) -> None:
    frame = KINDS[kind][0](TABLE.slice(0, rows).combine_chunks()) if rows or kind != "record batch" else (
        pa.RecordBatch.from_arrays([pa.array([], pa.string())], ["text"])
    )  # fmt: skip

    out = KINDS[kind][1](run(server, frame, response_format=Review))

    # DuckDB reads a dictionary as the texts that it stands for.
    assert pa.types.is_dictionary(out.schema.field("mood").type) is (kind != "duckdb")
    assert out.schema.field("stars").type == pa.int64()
    assert out.schema.field("tags").type.value_type in {pa.string(), pa.large_string(), pa.string_view()}
    assert len(out) == rows


def test_vectors_are_typed_lists(server: Server, kind: str) -> None:
    out = dwbatch.embed(
        KINDS[kind][0](TABLE), "text", dimensions=4, **{**usual(server), "checkpoint": "vectors"}
    )

    vectors = KINDS[kind][1](out).column("embedding")
    assert vectors.type.value_type == pa.float32()
    assert [None if vector is None else len(vector) for vector in vectors.to_pylist()] == [4, None, 4]


def test_the_columns_of_polars_are_untouched(server: Server) -> None:
    out = run(server, COLUMNS.with_columns(text=pl.lit("x")), dedupe=True)

    assert out.select(COLUMNS.columns).equals(COLUMNS)
    assert out.select(COLUMNS.columns).schema == COLUMNS.schema


def test_a_relation_comes_back_on_its_own_connection(server: Server) -> None:
    with duckdb.connect() as connection:
        connection.sql("CREATE TABLE prices AS SELECT 'one' AS text, 7 AS price")

        out = run(server, connection.sql("SELECT * FROM prices"))

        joined = out.set_alias("o").join(connection.table("prices").set_alias("p"), "o.text = p.text")
        assert joined.project("o.response, p.price").fetchall() == [("echo: say one", 7)]


def test_a_stream_comes_back_as_a_stream(server: Server) -> None:
    out = run(server, TABLE.to_reader())

    assert isinstance(out, pa.RecordBatchReader)
    assert out.read_all().column("response").to_pylist()[0] == "echo: say one"


@pytest.mark.parametrize(
    "column",
    [pl.Series("said", ["one", None]), pa.chunked_array([["one"], [None]]), pa.array(["one", None])],
    ids=["polars", "chunked", "array"],
)
def test_a_column_alone_is_a_frame_of_one(server: Server, column: Any) -> None:
    name = getattr(column, "name", "text")

    out = run(server, column, f"say {{{name}}}")

    assert pa.table(out).column("response").to_pylist() == ["echo: say one", None]


def test_several_models_stand_beside_each_other_in_any_kind(server: Server, kind: str) -> None:
    out = run(server, KINDS[kind][0](TABLE), model={"small": "m-1", "big": "m-2"})

    assert [row["response_big"] for row in shown(out, kind)] == ["echo: say one", None, "echo: say two"]


def test_a_column_is_written_over_where_that_is_allowed(server: Server, kind: str) -> None:
    frame = KINDS[kind][0](TABLE.append_column("response", pa.array(["old"] * 3)))

    out = KINDS[kind][1](run(server, frame, overwrite=True))

    assert out.column_names[:3] == ["text", "n", "response"]
    assert out.column("response").to_pylist() == ["echo: say one", None, "echo: say two"]


def test_the_frame_of_an_error_is_of_the_kind_that_went_in(kind: str) -> None:
    frame = KINDS[kind][0](TABLE)
    with Server(outcomes=lambda _, body: Outcome.status(400) if "two" in str(body) else None) as server:
        with pytest.raises(RowsFailedError, match="1 of 3 rows are not ok") as caught:
            run(server, frame, errors="raise")

        assert isinstance(caught.value.frame, type(frame))
        assert shown(caught.value.frame, kind) == shown(run(server, frame), kind)


def test_the_stream_of_an_error_is_a_stream() -> None:
    with (
        Server(outcomes=lambda _, __: Outcome.status(400)) as server,
        pytest.raises(RowsFailedError, match="2 of 3 rows are not ok") as caught,
    ):
        run(server, TABLE.to_reader(), errors="raise")

    statuses = caught.value.frame.read_all().column("response_status").to_pylist()
    assert statuses == ["failed", "skipped", "failed"]


def test_a_pandas_index_that_a_table_remembers_is_a_column(server: Server) -> None:
    table = pa.Table.from_pandas(pd.DataFrame({"text": ["one"]}, index=pd.Index(["k"], name="key")))

    out = run(server, table, "{key} {text}")

    assert out.column("response").to_pylist() == ["echo: k one"]


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pl.LazyFrame({"text": ["a"]}), r"run\(\) takes a pandas DataFrame or Series.*got 'LazyFrame'"),
        ({"text": ["a"]}, r"run\(\) takes a pandas DataFrame or Series.*got 'dict'"),
        (pl.DataFrame({"text": pl.Series([object()], dtype=pl.Object)}), "Column 'text' holds bytes"),
        (pa.table([["a"], ["b"]], names=["text", "text"]), "several columns of the same name"),
        (
            pl.DataFrame({"text": ["a"], "wide": pl.Series([1], dtype=pl.Int128)}),
            r"cannot read this DataFrame as Arrow.* drop 'wide' first\. Nothing was sent",
        ),
        (pl.DataFrame({"other": ["a"]}), "Column 'text' is named in the prompt but not in the frame"),
    ],
    ids=["lazy", "dict", "objects", "twice", "too wide", "absent"],
)
def test_what_cannot_be_read_is_refused_before_anything_is_sent(
    server: Server, frame: Any, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        run(server, frame)

    assert posts(server) == []


def test_no_library_is_imported_that_its_user_did_not() -> None:
    script = (
        "import sys, dwbatch, pyarrow as pa\n"
        "try: dwbatch.run(pa.table({'a': ['x']}), '{b}', model='m', base_url='local')\n"
        "except dwbatch.InputError: print(*({'polars', 'duckdb'} & {*sys.modules}))"
    )

    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert said.strip() == ""
