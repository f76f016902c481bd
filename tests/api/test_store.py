"""A checkpoint may keep its tables on an object store: what is promised of a folder holds there too."""

from pathlib import Path

import pandas as pd
import pyarrow.fs as pafs
import pytest

import dwbatch
from dwbatch.errors import CheckpointError, InputError
from dwbatch.local import Server
from tests.api.calling import SAY, Run, batches, posts, texts, usual
from tests.stores import KEYS, objects, uri_of

TABLES = ["client.json", "requests/00001.parquet", "results/00001.parquet"]


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def place(store: pafs.S3FileSystem, bucket: str) -> str:
    """A folder of the store, by its URI."""
    return uri_of(store, f"{bucket}/job")


def folder(home: Path = Path(".dwbatch")) -> Path:
    """The folder of this machine that belongs to the store."""
    return next(path.parent for path in home.glob("*/store.json"))


@pytest.mark.promise
def test_the_tables_stand_on_the_store_and_the_rest_here(
    run: Run, store: pafs.S3FileSystem, bucket: str, place: str
) -> None:
    out = run(texts("a", "b"), checkpoint=place)

    here = folder()
    assert out["response"].tolist() == ["echo: say a", "echo: say b"]
    assert objects(store, f"{bucket}/job") == TABLES
    assert [path.name for path in here.rglob("0*.parquet")] == []
    assert (here / "batches.parquet").is_file()


@pytest.mark.promise
def test_the_same_call_again_sends_nothing_and_a_grown_frame_what_is_new(
    run: Run, server: Server, place: str
) -> None:
    run(texts("a", "b"), checkpoint=place)

    again = run(texts("b", "a"), checkpoint=place)
    grown = run(texts("a", "b", "c"), checkpoint=place)

    assert again["response"].tolist() == ["echo: say b", "echo: say a"]
    assert grown["response_status"].tolist() == ["ok"] * 3
    assert len(server.ledger()) == 3


def test_the_store_finds_the_job_again(run: Run, server: Server, place: str) -> None:
    run(texts("a"), checkpoint=place)

    job = dwbatch.attach(place, base_url=server.base_url)

    assert job.result(progress=False)["response"].tolist() == ["echo: say a"]


def test_so_does_the_folder_which_remembers_its_store(
    run: Run, server: Server, store: pafs.S3FileSystem, bucket: str, place: str
) -> None:
    run(texts("a"), checkpoint=place)

    run(texts("a", "b"), checkpoint=folder())

    assert objects(store, f"{bucket}/job")[-1] == "results/00002.parquet"
    assert len(server.ledger()) == 2


@pytest.mark.promise
def test_two_machines_at_one_store_write_no_object_twice_and_buy_once(
    run: Run,
    server: Server,
    store: pafs.S3FileSystem,
    bucket: str,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    run(texts("a"), checkpoint=place)
    monkeypatch.setenv("DWBATCH_HOME", str(tmp_path / "another"))

    out = run(texts("a"), checkpoint=place)

    assert out["response"].tolist() == ["echo: say a"]
    assert len(batches(server)) == len(server.ledger()) == 1
    assert objects(store, f"{bucket}/job") == sorted([*TABLES, *TABLES])


@pytest.mark.promise
def test_results_that_the_store_has_lost_are_not_bought_again(
    run: Run, server: Server, store: pafs.S3FileSystem, bucket: str, place: str
) -> None:
    run(texts("a"), checkpoint=place)
    found = store.get_file_info(pafs.FileSelector(bucket, recursive=True))
    store.delete_file(next(each.path for each in found if "/results/0" in each.path))
    sent = posts(server)

    with pytest.raises(CheckpointError, match=r"does not show what .* such as 00001\.parquet"):
        run(texts("a"), checkpoint=place)

    assert posts(server) == sent


def test_a_torn_object_is_named_and_costs_nothing(
    run: Run, server: Server, store: pafs.S3FileSystem, bucket: str, place: str
) -> None:
    run(texts("a"), checkpoint=place)
    found = store.get_file_info(pafs.FileSelector(bucket, recursive=True))
    with store.open_output_stream(next(each.path for each in found if "/results/0" in each.path)) as file:
        file.write(b"PAR1")
    sent = posts(server)

    with pytest.raises(CheckpointError, match=r"s3://.*results/00001\.parquet.* cannot be read"):
        run(texts("a"), checkpoint=place)

    assert posts(server) == sent


def test_a_store_that_takes_nothing_is_told_before_anything_is_sent(
    run: Run, server: Server, store: pafs.S3FileSystem
) -> None:
    with pytest.raises(CheckpointError, match="could not be written"):
        run(texts("a"), checkpoint=uri_of(store, "no-such-bucket/job"))

    assert server.exchanges() == []


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://key:hush@bucket/job", "holds a secret"),
        ("abfs://container/job?sig=hush", "holds a secret"),
        ("hdfs://node/job", "half written"),
    ],
)
def test_a_store_that_cannot_keep_the_promise_is_refused(
    run: Run, server: Server, uri: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        run(texts("a"), checkpoint=uri)

    assert "hush" not in str(caught.value)
    assert server.exchanges() == []


def test_a_file_uri_is_a_folder(run: Run, tmp_path: Path) -> None:
    run(texts("a"), checkpoint=(tmp_path / "job").as_uri())

    assert len(pd.read_parquet(tmp_path / "job" / "results" / "00001.parquet")) == 1


def test_a_plan_does_not_ask_the_store_for_what_was_never_there(server: Server, place: str) -> None:
    planned = dwbatch.plan(texts("a"), SAY, **usual(server) | {"checkpoint": place})

    assert (planned.new, planned.is_begun) == (1, False)
