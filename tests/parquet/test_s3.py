"""Files of an object store are read and written like those of a disk, whole or not at all."""

from pathlib import Path

import pandas as pd
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from dwbatch.errors import InputError
from dwbatch.local import Server
from tests.parquet.jobs import run
from tests.stores import KEYS, objects, uri_of


def put(store: pafs.S3FileSystem, path: str, *texts: str) -> None:
    with store.open_output_stream(path) as file:
        pd.DataFrame({"text": list(texts)}).to_parquet(file, index=False)


def test_a_bucket_is_read_and_written(
    server: Server, store: pafs.S3FileSystem, bucket: str, tmp_path: Path
) -> None:
    put(store, f"{bucket}/in/b.parquet", "two")
    put(store, f"{bucket}/in/a.parquet", "one")

    report = run(
        server, f"{bucket}/in", f"{bucket}/out", filesystem=store, checkpoint=tmp_path / "ids"
    )  # fmt: skip

    assert report.files == (f"{bucket}/out/a.parquet", f"{bucket}/out/b.parquet")
    answers = pq.read_table(f"{bucket}/out", filesystem=store)["response"].to_pylist()
    assert answers == ["echo: say one", "echo: say two"]
    assert store.get_file_info(f"{bucket}/out/_SUCCESS").is_file
    left = store.get_file_info(pafs.FileSelector(bucket, recursive=True))
    assert not [each.path for each in left if each.path.endswith(".partial")]


def test_a_grown_bucket_sends_only_what_is_new(
    server: Server, store: pafs.S3FileSystem, bucket: str, tmp_path: Path
) -> None:
    put(store, f"{bucket}/in/a.parquet", "one")
    call = {"filesystem": store, "checkpoint": tmp_path / "ids"}
    run(server, f"{bucket}/in", f"{bucket}/out.parquet", **call)
    put(store, f"{bucket}/in/b.parquet", "two", "one")

    report = run(server, f"{bucket}/in", f"{bucket}/out.parquet", **call)

    assert (report.rows, report.sent, len(server.ledger())) == (3, 1, 2)


def test_a_remote_destination_without_a_place_for_its_ids_is_refused(
    server: Server, store: pafs.S3FileSystem, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, f"{bucket}/in.parquet", "one")
    monkeypatch.delenv("DWBATCH_HOME", raising=False)
    with pytest.raises(InputError, match="DWBATCH_HOME"):
        run(server, f"{bucket}/in.parquet", f"{bucket}/out.parquet", filesystem=store)
    monkeypatch.setenv("DWBATCH_HOME", str(tmp_path / "home"))

    report = run(server, f"{bucket}/in.parquet", f"{bucket}/out.parquet", filesystem=store)

    assert report.ok == 1
    assert [path.name for path in (tmp_path / "home").iterdir() if not path.name.startswith(".")]


def test_a_uri_names_the_store(server: Server, store: pafs.S3FileSystem, bucket: str, tmp_path: Path) -> None:
    put(store, f"{bucket}/in.parquet", "one")

    run(
        server,
        uri_of(store, f"any:any@{bucket}/in.parquet"),
        uri_of(store, f"any:any@{bucket}/out.parquet"),
        checkpoint=tmp_path / "ids",
    )

    assert pq.read_table(f"{bucket}/out.parquet", filesystem=store)["response"].to_pylist() == [
        "echo: say one"
    ]


def test_the_ids_stand_on_the_store_too(
    server: Server, store: pafs.S3FileSystem, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    put(store, f"{bucket}/in.parquet", "one", "two")
    places = [uri_of(store, f"{bucket}/{name}.parquet") for name in ("in", "out")]

    first = run(server, *places, checkpoint=uri_of(store, f"{bucket}/ids"))
    again = run(server, *places, checkpoint=uri_of(store, f"{bucket}/ids"))

    assert (first.ok, again.ok, again.sent) == (2, 2, 0)
    assert objects(store, f"{bucket}/ids") == [
        "client.json", "requests/00001.parquet", "results/00001.parquet",
    ]  # fmt: skip
