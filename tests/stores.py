"""An object store that speaks S3, by other people, in a process of its own."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow.fs as pafs
import pytest

STORE = """
import sys
from werkzeug.serving import make_server
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""
# Any will do.
KEYS = {"AWS_ACCESS_KEY_ID": "anybody", "AWS_SECRET_ACCESS_KEY": "hushed-by-everybody"}


@contextmanager
def running_store() -> Iterator[pafs.S3FileSystem]:
    """The store, empty."""
    # Asked without importing it: that takes seconds, and the process below pays them already.
    if importlib.util.find_spec("moto") is None:
        pytest.skip("moto[server] is not installed")
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", STORE],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **KEYS},
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        yield pafs.S3FileSystem(
            access_key="any", secret_key="any", endpoint_override=f"127.0.0.1:{port}", scheme="http",
            region="us-east-1", allow_bucket_creation=True, allow_bucket_deletion=True,
        )  # fmt: skip
        server.kill()


def uri_of(store: pafs.S3FileSystem, path: str) -> str:
    """A path of the store as a user writes it, whose key stands in the environment."""
    endpoint = store.__reduce__()[1][0]["endpoint_override"].replace(":", "%3A")
    return f"s3://{path}?endpoint_override={endpoint}&scheme=http&region=us-east-1"


def objects(store: pafs.S3FileSystem, path: str) -> list[str]:
    """Names of all objects below a path, without the folder that each client has of its own."""
    found = store.get_file_info(pafs.FileSelector(path, recursive=True))
    return sorted(each.path.removeprefix(f"{path}/").partition("/")[2] for each in found if each.is_file)
