"""`dwbatch local` as a command: what its options do to the server that it starts."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from dwbatch.local import Server
from dwbatch.local.server import STORE_NAME
from tests.local.asking import finished, read
from tests.local.realtime import CHAT, endpoint


@contextmanager
def command(folder: Path, *options: str, **environment: str) -> Iterator[Server]:
    """The server of a command in another process, as far as its address goes."""
    argv = [sys.executable, "-m", "dwbatch", "local", "--port", "0", "--folder", str(folder), *options]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as started:
        assert started.stdout is not None
        address = started.stdout.readline().split()[1]
        try:
            yield cast("Server", SimpleNamespace(base_url=address))
        finally:
            started.terminate()


def test_upstream_lets_another_model_answer_with_the_key_of_the_environment(tmp_path: Path) -> None:
    with (
        endpoint() as model,
        command(tmp_path, "--upstream", model.url, DWBATCH_UPSTREAM_KEY="sk-up") as server,
    ):
        batch = finished(server, "a")

        (found,) = read(server, batch["output_file_id"])

    assert found["response"]["body"] == CHAT
    ((path, key, asked),) = model.asked
    assert (path, key) == ("/v1/chat/completions", "Bearer sk-up")
    assert asked["messages"] == [{"role": "user", "content": "say a"}]


def refused(*options: str) -> str:
    """What a command says that starts no server."""
    argv = [sys.executable, "-m", "dwbatch", "local", "--port", "0", *options]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr


def test_an_address_for_other_machines_is_refused_in_one_sentence(tmp_path: Path) -> None:
    said = refused("--folder", str(tmp_path), "--host", "0.0.0.0")  # noqa: S104 - it is refused

    assert said.splitlines() == [
        (
            "dwbatch local: host='0.0.0.0' lets other machines in. Say is_open=True (--open) if it should, "
            "and give keys (--key)."
        )
    ]


def test_a_folder_of_another_version_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / STORE_NAME)) as store:
        store.execute("PRAGMA user_version = 1")

    said = refused("--folder", str(tmp_path))

    assert len(said.splitlines()) == 1
    assert said.endswith("Choose another folder.\n")
