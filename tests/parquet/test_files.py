"""A source is found once, in one order, with one schema; what cannot be read is said before anything is sent."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as ds
import pytest

from dwbatch.errors import InputError
from dwbatch.parquet.files import Files, find_files
from tests.parquet.jobs import write


def names(files: Files) -> list[str]:
    return [files.relative(file) for file in range(len(files.paths))]


def cells(files: Files, column: str = "text") -> list[Any]:
    batches = [batch for block in files.blocks() for batch in files.read(block, [column])]
    return [cell for batch in batches for cell in batch.column(0).to_pylist()]


def test_a_folder_counts_in_the_order_of_its_paths_without_hidden_files_and_markers(tmp_path: Path) -> None:
    for name in ("b.parquet", "a.parquet", "c/d.parquet", "_temporary/x.parquet", ".y.parquet"):
        write(tmp_path / name, name)
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / "readme.txt").write_text("")

    files = find_files(tmp_path)

    assert names(files) == ["a.parquet", "b.parquet", "c/d.parquet"]
    assert cells(files) == ["a.parquet", "b.parquet", "c/d.parquet"]


def test_a_list_counts_in_its_own_order(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.parquet", "a"), write(tmp_path / "b.parquet", "b")

    assert cells(find_files([second, first])) == ["b", "a"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.parquet", ["a.parquet"]),
        ("**/*.parquet", ["a.parquet", "x/b.parquet", "x/y/c.parquet"]),
        ("*/?.parquet", ["x/b.parquet"]),
    ],
)
def test_a_star_stays_in_its_folder_and_two_go_below(tmp_path: Path, pattern: str, found: list[str]) -> None:
    for name in ("a.parquet", "x/b.parquet", "x/y/c.parquet"):
        write(tmp_path / name, name)

    assert names(find_files(f"{tmp_path}/{pattern}")) == found


def test_folders_of_a_partition_are_columns(tmp_path: Path) -> None:
    write(tmp_path / "year=2025" / "a.parquet", "old")
    write(tmp_path / "year=2026" / "a.parquet", "new")

    files = find_files(tmp_path)

    assert cells(files, "year") == [2025, 2026]
    assert files.told_by_paths == ("year",)
    assert cells(find_files(tmp_path, filters=[("year", "==", 2026)])) == ["new"]


def test_filters_are_those_of_pandas(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", "a", "b", "c", size=[1, 2, 3])

    assert cells(find_files(path, filters=[("size", ">", 1)])) == ["b", "c"]
    assert cells(find_files(path, filters=ds.field("size") == 2)) == ["b"]
    with pytest.raises(InputError, match=r"as in pandas\.read_parquet"):
        find_files(path, filters=[("size", "about", 1)])


def test_a_column_that_a_file_lacks_is_null_there(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", "a")
    write(tmp_path / "b.parquet", "b", size=[2])

    assert cells(find_files(tmp_path), "size") == [None, 2]


def test_files_that_disagree_about_a_type_are_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", "a", size=[1])
    write(tmp_path / "b.parquet", "b", size=["large"])

    with pytest.raises(InputError, match=r"b\.parquet' has another type .*size") as caught:
        find_files(tmp_path)

    assert "Nothing was sent" in str(caught.value)


def test_what_is_not_there_or_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")

    for source, said in (
        (tmp_path / "none.parquet", "does not exist"),
        (f"{tmp_path}/*.pq", "no parquet file"),
        ([], "names no file"),
        (tmp_path / "torn.parquet", "cannot be read"),
        ("nowhere://x/y", "cannot be used"),
    ):
        with pytest.raises(InputError, match=said):
            find_files(source)


def test_a_file_named_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", "a")

    with pytest.raises(InputError, match="twice"):
        find_files([path, path])


def test_a_file_that_vanishes_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", "a")
    files = find_files(path)
    blocks = list(files.blocks())
    path.unlink()

    with pytest.raises(InputError, match=r"a\.parquet' cannot be read any more"):
        list(files.read(blocks[0], ["text"]))


def test_row_groups_are_blocks_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": list("abcdefg")}).to_parquet(path, row_group_size=3)

    files = find_files(path)

    assert len(list(files.blocks())) == 3
    assert cells(files) == list("abcdefg")
