"""Files of an object store are read and written like those of a disk, whole or not at all."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest

from dwbatch.errors import InputError
from dwbatch.local import Server
from tests.parquet.jobs import run

# A server of the protocol, by other people, in a process of its own.
STORE = """
import sys
from werkzeug.serving import make_server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def store() -> Iterator[pafs.S3FileSystem]:
    # Asked without importing it: that takes seconds, and the process below pays them already.
    if importlib.util.find_spec("moto") is None:
        pytest.skip("moto[server] is not installed")
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", STORE],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"},
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        yield pafs.S3FileSystem(
            access_key="any", secret_key="any", endpoint_override=f"127.0.0.1:{port}", scheme="http",
            region="us-east-1", allow_bucket_creation=True, allow_bucket_deletion=True,
        )  # fmt: skip
        server.kill()


@pytest.fixture
def bucket(store: pafs.S3FileSystem, request: pytest.FixtureRequest) -> str:
    name = request.node.name.replace("_", "-")[:60].strip("-")
    store.create_dir(name)
    return str(name)


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
    endpoint = store.__reduce__()[1][0]["endpoint_override"].replace(":", "%3A")
    options = f"?endpoint_override={endpoint}&scheme=http&region=us-east-1"

    run(
        server,
        f"s3://any:any@{bucket}/in.parquet{options}",
        f"s3://any:any@{bucket}/out.parquet{options}",
        checkpoint=tmp_path / "ids",
    )

    assert pq.read_table(f"{bucket}/out.parquet", filesystem=store)["response"].to_pylist() == [
        "echo: say one"
    ]
