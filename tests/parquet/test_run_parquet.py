"""Parquet in, parquet out: the source's rows in their order, answers beside them, nothing bought twice."""

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import dwbatch
from dwbatch.call import EqualRowsWarning
from dwbatch.errors import ApiError, InputError
from dwbatch.local import Model, Outcome, Server
from tests.parquet.jobs import answers, run, write


def billed(server: Server) -> int:
    return len(server.ledger())


def test_rows_come_in_the_source_s_order_with_their_answers_beside_them(
    server: Server, tmp_path: Path
) -> None:
    write(tmp_path / "in" / "b.parquet", "three", None, size=[3, 4])
    write(tmp_path / "in" / "a.parquet", "one", "two", size=[1, 2])

    report = run(server, tmp_path / "in", tmp_path / "out")

    out = pq.read_table(tmp_path / "out").to_pylist()
    assert [(row["size"], row["response"], row["response_status"]) for row in out] == [
        (1, "echo: say one", "ok"),
        (2, "echo: say two", "ok"),
        (3, "echo: say three", "ok"),
        (4, None, "skipped"),
    ]
    assert [row["response_error_code"] for row in out] == [None, None, None, "null_input"]
    assert (report.rows, report.ok, report.codes, report.sent) == (4, 3, {"null_input": 1}, 3)


def test_each_file_of_the_source_is_a_file_of_the_destination(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "in" / "year=2025" / "a.parquet", "old")
    write(tmp_path / "in" / "year=2026" / "a.parquet", "new")

    run(server, tmp_path / "in", tmp_path / "out")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out", "out.dwbatch"]
    assert answers(tmp_path / "out" / "year=2026" / "a.parquet") == ["echo: say new"]
    assert (tmp_path / "out" / "_SUCCESS").exists()


def test_a_destination_that_is_a_file_takes_all_rows(server: Server, tmp_path: Path) -> None:
    sources = [write(tmp_path / f"{name}.parquet", name) for name in ("b", "a")]

    report = run(server, sources, tmp_path / "out.parquet", row_group_size=1)

    assert answers(tmp_path / "out.parquet") == ["echo: say b", "echo: say a"]
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 2
    assert report.files == (str(tmp_path / "out.parquet"),)


def test_what_became_of_the_rows_stands_beside_the_destination(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", None)

    for destination, summary in (("out", "out/_SUCCESS"), ("out.parquet", "out.parquet.summary.json")):
        report = run(server, source, tmp_path / destination)
        told = json.loads((tmp_path / summary).read_text())

        assert (told["rows"], told["ok"], told["codes"]) == (2, 1, {"null_input": 1})
        assert told["prompt_tokens"] == report.prompt_tokens > 0


def test_the_checkpoint_stands_beside_the_destination_wherever_the_process_does(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    source = write(tmp_path / "in.parquet", "one")

    report = run(server, source, tmp_path / "out.parquet")

    assert report.checkpoint == tmp_path / "out.parquet.dwbatch"
    assert list(elsewhere.iterdir()) == []


def test_only_the_columns_that_are_named_are_kept(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", size=[1], other=["x"])

    run(server, source, tmp_path / "out.parquet", columns=["size"])

    assert pq.read_schema(tmp_path / "out.parquet").names == [
        "size", "response", "response_status", "response_error_code", "response_error",
    ]  # fmt: skip


def test_a_source_that_grew_sends_only_its_new_rows(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.parquet", "one", "two")
    run(server, tmp_path / "in", tmp_path / "out")
    write(tmp_path / "in" / "a.parquet", "zero", "one", "TWO")
    write(tmp_path / "in" / "b.parquet", "two")

    report = run(server, tmp_path / "in", tmp_path / "out")

    assert report.sent == 2
    assert answers(tmp_path / "out") == ["echo: say zero", "echo: say one", "echo: say TWO", "echo: say two"]
    assert billed(server) == 4


def test_an_unchanged_source_sends_nothing_and_writes_the_same(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", None)
    run(server, source, tmp_path / "out.parquet")
    before = pq.read_table(tmp_path / "out.parquet")

    report = run(server, source, tmp_path / "out.parquet")

    assert (report.sent, report.answered, billed(server)) == (0, 1, 1)
    assert pq.read_table(tmp_path / "out.parquet").equals(before, check_metadata=True)


def test_the_file_of_a_source_that_is_gone_goes_too(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.parquet", "one")
    gone = write(tmp_path / "in" / "b.parquet", "two")
    run(server, tmp_path / "in", tmp_path / "out")
    gone.unlink()

    run(server, tmp_path / "in", tmp_path / "out")

    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["_SUCCESS", "a.parquet"]


def test_equal_rows_of_all_files_are_one_request(server: Server, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.parquet", "one", "one")
    write(tmp_path / "in" / "b.parquet", "one")

    report = run(server, tmp_path / "in", tmp_path / "out", dedupe=True)

    assert (report.sent, report.duplicates, billed(server)) == (1, 2, 1)
    assert answers(tmp_path / "out") == ["echo: say one"] * 3


def test_without_de_duplication_each_row_is_a_request_of_its_own(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", "one", None)

    report = run(server, source, tmp_path / "out.parquet", dedupe=False)

    assert (report.sent, billed(server)) == (2, 2)


def test_custom_ids_may_be_made_of_columns(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", "two", "one", user=[7, 8, 9])

    run(server, source, tmp_path / "out.parquet", custom_id="user-{user}")

    assert Counter(bill.custom_id for bill in server.ledger()) == {"user-7": 1, "user-8": 1}


def test_many_shards_put_every_answer_on_its_row(server: Server, tmp_path: Path) -> None:
    texts = [f"row {number % 37}" for number in range(100)]
    pd.DataFrame({"text": texts}).to_parquet(tmp_path / "in.parquet", row_group_size=9)

    run(server, tmp_path / "in.parquet", tmp_path / "out.parquet", max_requests_per_batch=5, dedupe=True)

    assert answers(tmp_path / "out.parquet") == [f"echo: say {text}" for text in texts]
    assert billed(server) == 37


def test_the_schema_is_the_same_whatever_became_of_the_rows(tmp_path: Path) -> None:
    schemas = []
    sources: dict[str, list[str | None]] = {"full": ["one"], "void": [], "none": [None]}
    for name, texts in sources.items():
        with Server(answer=lambda _: '{"value": "pos"}') as server:
            source = write(tmp_path / f"{name}.parquet", *texts)
            run(server, source, tmp_path / f"{name}-out.parquet", response_format=Literal["pos", "neg"])
        schemas.append(pq.read_schema(tmp_path / f"{name}-out.parquet"))
    with Server(outcomes={"id-one": Outcome.status(400)}) as server:
        source = write(tmp_path / "bad.parquet", "one")
        run(
            server, source, tmp_path / "bad-out.parquet",
            response_format=Literal["pos", "neg"], custom_id="id-{text}",
        )  # fmt: skip
    schemas.append(pq.read_schema(tmp_path / "bad-out.parquet"))

    assert schemas[0].field("response").type == pa.dictionary(pa.int32(), pa.string())
    assert all(schema.remove_metadata().equals(schemas[0].remove_metadata()) for schema in schemas[1:])


def test_pandas_reads_the_dtypes_that_its_own_door_gives(tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", None)
    with Server(answer=lambda _: '{"is_good": true, "stars": 4}') as server:
        run(
            server, source, tmp_path / "out.parquet",
            response_format={
                "type": "object",
                "properties": {"is_good": {"type": "boolean"}, "stars": {"type": "integer"}},
                "required": ["is_good", "stars"],
                "additionalProperties": False,
            },
        )  # fmt: skip

    out = pd.read_parquet(tmp_path / "out.parquet")

    assert [str(out[name].dtype) for name in ("is_good", "stars", "response_status")] == [
        "boolean", "Int64", "string",
    ]  # fmt: skip


def test_wrong_input_names_what_is_wrong_and_sends_nothing(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", None, response=["x", "y"])

    for options, said in (
        ({"columns": ["txt"]}, "'txt', which the source lacks"),
        ({}, "already has the column 'response'"),
        ({"output": "a", "prompt": "{txt}"}, "txt"),
        ({"output": "a", "if_exists": "ignore"}, "if_exists="),
        ({"output": "a", "row_group_size": 0}, "row_group_size="),
        ({"output": "a", "on_null": "raise"}, r"null in 1 row, the first one in .*in\.parquet"),
    ):
        with pytest.raises(InputError, match=said):
            run(server, source, tmp_path / "out.parquet", **options)

    assert server.exchanges() == []


def test_answer_columns_may_be_written_over_when_told(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", response=["old"])

    run(server, source, tmp_path / "out.parquet", overwrite=True)

    assert answers(tmp_path / "out.parquet") == ["echo: say one"]


def test_a_server_that_refuses_leaves_no_destination(tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one")

    with Server(models={"other": Model()}) as server, pytest.raises(ApiError):
        run(server, source, tmp_path / "out.parquet")

    assert not (tmp_path / "out.parquet").exists()


def test_a_callable_makes_its_requests_row_by_row(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", "odd", size=[1, 2])

    report = run(
        server, source, tmp_path / "out.parquet", lambda row: f"{row['text']} {10 // (row['size'] - 2)}"
    )

    assert answers(tmp_path / "out.parquet") == ["echo: one -10", None]
    assert report.codes == {"unencodable_input": 1}
    assert "division" in pq.read_table(tmp_path / "out.parquet")["response_error"].to_pylist()[1]


def test_a_callable_that_never_works_is_refused(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", "two")

    with pytest.raises(
        InputError, match="makes no request of any of the 2 rows; it first raised ZeroDivision"
    ):
        run(server, source, tmp_path / "out.parquet", lambda row: f"{row['text']} {1 // 0}")


def test_images_are_read_where_the_rows_name_them(server: Server, tmp_path: Path) -> None:
    pixel = b"\x89PNG\r\n\x1a\n" + bytes(16)
    (tmp_path / "a.png").write_bytes(pixel)
    paths = [str(tmp_path / "a.png"), str(tmp_path / "none.png")]
    source = write(tmp_path / "in.parquet", "one", "two", file=paths)

    report = run(server, source, tmp_path / "out.parquet", ["Look: {text}", dwbatch.image("{file}")])

    assert (report.ok, report.codes) == (1, {"unreadable_image": 1})


def test_most_rows_equal_is_worth_a_word(server: Server, tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one", "one", "one")

    with pytest.warns(EqualRowsWarning, match="2 of 3 rows"):
        run(server, source, tmp_path / "out.parquet")


def test_lists_of_an_answer_have_one_type(tmp_path: Path) -> None:
    source = write(tmp_path / "in.parquet", "one")
    with Server(answer=lambda _: '{"value": ["2026-11-22", "2026-11-23"]}') as server:
        run(server, source, tmp_path / "out.parquet", response_format=list[dt.date])

    assert len(answers(tmp_path / "out.parquet")[0]) == 2  # type: ignore[arg-type] # a list
