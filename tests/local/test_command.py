"""`dwbatch local` as a command: what its options do to the server that it starts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from dwbatch.local import Server
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
