"""A checkpoint that cannot be used: the file is named, nothing is sent, nothing is changed."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwbatch import CheckpointError
from dwbatch.local import Server
from tests.api.calling import at, texts

FRAME = texts("one", "two")
KEPT = "Nothing was deleted and nothing was sent. Put back a copy of the file"


@dataclass(frozen=True)
class Finished:
    """A job that is done, and the server that did it."""

    server: Server
    folder: Path
    exchanges: int


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder = tmp_path_factory.mktemp("finished") / "job"
    with Server() as server:
        at(server)(FRAME, checkpoint=folder)
        yield Finished(server, folder, len(server.exchanges()))


@pytest.fixture
def job(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the finished job's folder, to spoil."""
    return Path(shutil.copytree(finished.folder, tmp_path / "job"))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refused(finished: Finished, job: Path, prompt: str = "say {text}") -> str:
    """The sentence of the refusal, which sent nothing and changed nothing."""
    before = contents(job)
    with pytest.raises(CheckpointError) as caught:
        at(finished.server)(FRAME, prompt, checkpoint=job)
    assert contents(job) == before
    assert len(finished.server.exchanges()) == finished.exchanges
    return str(caught.value)


def half(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def without_its_end(whole: bytes) -> bytes:
    return whole[:-1]


def nothing(_: bytes) -> bytes:
    return b""


def garbage(whole: bytes) -> bytes:
    return b"\x00garbage" * (len(whole) // 8)


@pytest.mark.parametrize("spoil", [half, without_its_end, nothing, garbage])
@pytest.mark.parametrize("name", ["batches.parquet", "results/00001.parquet", "recipe.json"])
def test_a_torn_file_is_named_and_left_alone(
    finished: Finished, job: Path, name: str, spoil: Callable[[bytes], bytes]
) -> None:
    path = job / name
    path.write_bytes(spoil(path.read_bytes()))

    sentence = refused(finished, job)

    assert sentence.startswith(repr(str(path)))
    assert KEPT in sentence


def test_a_torn_list_of_requests_is_named_when_it_is_needed(finished: Finished, job: Path) -> None:
    # As a crash between the fetch and its record would leave it.
    set_state(job, "ENDED")
    path = job / "requests" / "00001.parquet"
    path.write_bytes(half(path.read_bytes()))

    sentence = refused(finished, job)

    assert sentence.startswith(repr(str(path)))


@pytest.mark.parametrize("name", ["requests/00001.parquet"])
def test_a_missing_file_is_named_when_it_is_needed(finished: Finished, job: Path, name: str) -> None:
    set_state(job, "ENDED")
    (job / name).unlink()

    assert "the file is missing." in refused(finished, job)


def set_state(job: Path, state: str) -> None:
    path = job / "batches.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("state")
    pq.write_table(table.set_column(place, table.schema.field("state"), pa.array([state])), path)


@pytest.mark.parametrize("name", ["batches.parquet", "results/00001.parquet"])
def test_a_file_of_a_newer_version_asks_for_an_upgrade(finished: Finished, job: Path, name: str) -> None:
    path = job / name
    pq.write_table(pq.read_table(path).replace_schema_metadata({"dwbatch.format": "99"}), path)

    sentence = refused(finished, job)

    assert re.search(
        r"written by a newer dwbatch \(format 99, this one reads \d+\)\. Upgrade dwbatch", sentence
    )


def test_a_newer_folder_is_left_alone_by_another_recipe_too(finished: Finished, job: Path) -> None:
    path = job / "batches.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata({"dwbatch.format": "99"}), path)

    assert "Upgrade dwbatch" in refused(finished, job, "cry {text}")


def test_a_recipe_of_a_newer_version_asks_for_an_upgrade(finished: Finished, job: Path) -> None:
    path = job / "recipe.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))

    assert "written by a newer dwbatch (format 99). Upgrade dwbatch; nothing was sent." in refused(
        finished, job
    )


@pytest.mark.parametrize("metadata", [None, {"dwbatch.format": "one"}])
def test_a_parquet_file_of_somebody_else_is_told_so(
    finished: Finished, job: Path, metadata: dict[str, str] | None
) -> None:
    path = job / "batches.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata(metadata), path)

    assert "dwbatch did not write this file" in refused(finished, job)


def test_a_file_without_its_columns_is_told_so(finished: Finished, job: Path) -> None:
    path = job / "batches.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["token"]), path)

    assert "it has no column 'token'" in refused(finished, job)


def test_an_altered_value_is_found_by_its_checksum(finished: Finished, job: Path) -> None:
    # With another server's name on it the batch would count for nothing, and be bought again.
    path = job / "batches.parquet"
    path.write_bytes(path.read_bytes().replace(b"http://127.0.0.1:", b"http://127.0.0.2:"))

    assert "the file cannot be read" in refused(finished, job)


@settings(max_examples=30)
@given(st.sampled_from(["batches.parquet", "results/00001.parquet"]), st.integers(0), st.integers(0, 7))
def test_a_turned_bit_is_found_or_means_nothing(
    finished: Finished, job: Path, name: str, place: int, bit: int
) -> None:
    whole = (finished.folder / name).read_bytes()
    spoilt = bytearray(whole)
    spoilt[place % len(whole)] ^= 1 << bit
    (job / name).write_bytes(spoilt)

    try:
        out = at(finished.server)(FRAME, checkpoint=job)
    except CheckpointError:
        out = None
    (job / name).write_bytes(whole)

    assert out is None or out["response"].tolist() == ["echo: say one", "echo: say two"]
    assert len(finished.server.exchanges()) == finished.exchanges


def test_a_path_that_is_a_file_is_refused(finished: Finished, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")

    with pytest.raises(
        CheckpointError, match=r"checkpoint= names a file; give a folder\. Nothing was sent\."
    ):
        at(finished.server)(FRAME, checkpoint=path)

    assert path.read_text() == "mine"


def test_a_folder_inside_a_file_is_refused(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(CheckpointError, match=r"the folder cannot be made or written .*Nothing was sent"):
        at(finished.server)(FRAME, checkpoint=tmp_path / "notes.txt" / "job")


def test_a_folder_with_other_files_is_refused_and_left_alone(finished: Finished, tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "data.csv")

    with pytest.raises(CheckpointError, match=r"the folder holds other files \('data\.csv'\)"):
        at(finished.server)(FRAME, checkpoint=tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]
