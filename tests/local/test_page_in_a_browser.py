"""The page as a browser shows it; skipped where there is no Chromium on the PATH."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from dwbatch.local import Outcome, Server
from tests.local.asking import create, finished, get, upload

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
# A page that looks again every second is never done: the browser's own clock is run so far, and no clock of ours.
LOOKED_MS = 3000

pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on the PATH")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with a batch that is over, one that is stuck, and a fault that waits."""
    outcomes = {"b": Outcome.status(400, {"error": {"message": "The prompt is too long."}})}
    with Server(outcomes=outcomes) as running:
        finished(running, "a", "b", "c")
        running.faults.batch("stalled")
        create(running, upload(running, "d", "e"))
        running.faults.reset("GET", "/models", when="before")
        yield running


def seen(server: Server, folder: Path, place: str = "") -> str:
    """What stands on the page once its script has run, as lines of text."""
    assert BROWSER is not None
    address = server.base_url.removesuffix("/v1") + f"/{place}"
    # Without the sandbox, because a root user, as in a container, may not have one; the page is our own.
    command = [BROWSER, "--headless", "--disable-gpu", "--no-sandbox", f"--user-data-dir={folder}"]
    command += [f"--virtual-time-budget={LOOKED_MS}", "--dump-dom", address]
    shown = subprocess.run(command, capture_output=True, check=True, timeout=120)
    body = re.sub(r"<script>.*?</script>", "", shown.stdout.decode().partition("<body>")[2], flags=re.DOTALL)
    return "\n".join(filter(None, (unescape(text).strip() for text in re.split(r"<[^>]*>", body))))


def batches(server: Server) -> list[dict[str, Any]]:
    """The newest first."""
    listed: list[dict[str, Any]] = get(server, "/batches").json()["data"]
    return listed


def test_a_browser_shows_counts_batches_files_calls_and_faults(server: Server, tmp_path: Path) -> None:
    page = seen(server, tmp_path)

    stuck, over = batches(server)
    for figures in ("Live", "Rows answered\n2", "Rows failed\n1", "Rows waiting\n2", "Calls billed\n3"):
        assert figures in page
    assert re.search(rf"{over['id'][:18]}\ncompleted\n3 of 3, 1 failed\n24h", page)
    assert re.search(rf"{stuck['id'][:18]}\nin progress\n0 of 2\n24h", page)
    assert re.search(r"Files\njob.jsonl\n\d+ B", page)
    assert "POST /v1/batches\n201" in page
    assert re.search(r"Faults\n.*\nwaiting", page)


def test_a_browser_shows_a_batch_from_near(server: Server, tmp_path: Path) -> None:
    _, over = batches(server)

    page = seen(server, tmp_path, f"#{over['id']}")

    assert "Failed rows\nb\nThe prompt is too long." in page
    assert "Newest answers\nc\necho: say c\na\necho: say a" in page
    assert re.search(r"Newest bills\nc\nm, \d+ tokens in, \d+ out", page)
