"""Doubleword's command line, with nothing of its own changed but the address in its configuration."""

import json
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

from dwbatch.local import Server
from tests.foreign.conftest import BAD, KEY
from tests.local.asking import line

Dw = Callable[..., str]

try:
    BINARY = Path(str(distribution("dw-cli").locate_file("dw_cli/bin/dw")))
except PackageNotFoundError:
    pytest.skip("dw-cli is not installed: uv run --group dw pytest tests/foreign.", allow_module_level=True)


def wants_a_newer_libc() -> bool:
    """Whether the loader refuses the binary: its wheel says manylinux_2_35, but it links against glibc 2.39."""
    tried = subprocess.run([BINARY, "--version"], capture_output=True, check=False)
    return tried.returncode != 0 and b"GLIBC_" in tried.stderr


pytestmark = pytest.mark.skipif(wants_a_newer_libc(), reason="dw's binary wants glibc 2.39 or later.")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(keys=[KEY], outcomes=BAD) as running:
        yield running


@pytest.fixture
def dw(server: Server, tmp_path: Path) -> Dw:
    """Runs ``dw`` in a home of its own and gives back what it printed."""
    address = server.base_url.removesuffix("/v1")
    folder = tmp_path / ".dw"
    folder.mkdir()
    (folder / "config.toml").write_text(
        f'active_account = "default"\n\n[servers]\nai = "{address}"\nadmin = "{address}"\n\n'
        "[client]\nmax_retries = 0\npoll_interval_secs = 1\n",
        encoding="utf-8",
    )
    (folder / "credentials.toml").write_text(
        f'[accounts.default]\ninference_key = "{KEY}"\n', encoding="utf-8"
    )
    (folder / "credentials.toml").chmod(0o600)

    def run(*words: str | Path, status: int = 0) -> str:
        ran = subprocess.run(
            [BINARY, *words],
            env={"HOME": str(tmp_path)},
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        assert ran.returncode == status, ran.stderr
        return ran.stdout if status == 0 else ran.stderr

    return run


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A file of two good requests and one that will fail."""
    path = tmp_path / "job.jsonl"
    path.write_text("".join(json.dumps(line(one)) + "\n" for one in ("a", "bad", "c")), encoding="utf-8")
    return path


def lines(printed: str) -> list[dict[str, Any]]:
    """What was printed, a JSON object a line."""
    return [json.loads(one) for one in printed.split("\n") if one]


def bought(dw: Dw, job: Path) -> dict[str, Any]:
    """The batch of a job, once it is over."""
    batch = json.loads(dw("batches", "run", job))
    dw("batches", "watch", batch["id"])
    shown: dict[str, Any] = json.loads(dw("batches", "get", batch["id"]))
    return shown


def test_it_validates_without_asking_the_server(dw: Dw, job: Path, server: Server) -> None:
    dw("files", "validate", job)
    job.write_text("{}\n", encoding="utf-8")
    dw("files", "validate", job, status=1)

    assert server.exchanges() == []


def test_a_file_goes_up_is_listed_comes_back_and_is_deleted(dw: Dw, job: Path) -> None:
    made = json.loads(dw("files", "upload", job))

    listed = lines(dw("files", "list"))
    got = json.loads(dw("files", "get", made["id"]))
    content = lines(dw("files", "content", made["id"]))
    estimate = json.loads(dw("files", "cost-estimate", made["id"]))
    dw("files", "delete", "--yes", made["id"])
    gone = dw("files", "get", made["id"], status=1)

    assert [file["id"] for file in listed] == [made["id"]]
    assert (got["filename"], got["bytes"]) == (job.name, job.stat().st_size)
    assert content == lines(job.read_text(encoding="utf-8"))
    assert estimate["total_requests"] == 3
    assert f"File with ID {made['id']} not found" in gone


def test_a_batch_is_bought_watched_and_read(dw: Dw, job: Path) -> None:
    batch = bought(dw, job)

    results = lines(dw("batches", "results", batch["id"]))
    errors = lines(dw("files", "content", batch["error_file_id"]))

    assert batch["status"] == "completed"
    assert batch["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
    assert sorted(one["custom_id"] for one in results) == ["a", "c"]
    assert [one["custom_id"] for one in errors] == ["bad"]


def test_every_batch_of_a_paged_list_is_seen_once(dw: Dw, job: Path) -> None:
    made = [json.loads(dw("batches", "run", job))["id"] for _ in range(3)]

    first = lines(dw("batches", "list", "--limit", "2"))
    second = lines(dw("batches", "list", "--limit", "2", "--after", first[-1]["id"]))

    assert [one["id"] for one in first + second] == made[::-1]


def test_a_batch_that_runs_is_cancelled(dw: Dw, job: Path, server: Server) -> None:
    server.faults.batch("stalled")
    batch = json.loads(dw("batches", "run", job))

    dw("batches", "cancel", "--yes", batch["id"])

    assert json.loads(dw("batches", "get", batch["id"]))["status"] == "cancelled"


def test_a_retry_runs_the_failed_row_again_in_the_same_batch(dw: Dw, job: Path) -> None:
    batch = bought(dw, job)

    retried = json.loads(dw("batches", "retry", batch["id"]))

    assert retried["id"] == batch["id"]
    assert retried["request_counts"]["completed"] == 2


def test_what_a_batch_cost_is_shown(dw: Dw, job: Path, server: Server) -> None:
    batch = bought(dw, job)

    shown = json.loads(dw("batches", "analytics", batch["id"]))

    assert shown["total_requests"] == 3
    assert shown["total_prompt_tokens"] == sum(bill.prompt_tokens for bill in server.ledger())


def test_a_stream_has_each_answer_once_and_no_word_of_the_row_that_failed(
    dw: Dw, job: Path, server: Server
) -> None:
    streamed = lines(dw("stream", job))

    (batch,) = lines(dw("batches", "list"))
    paths = [path for _, path, _ in server.exchanges()]
    assert sorted(one["custom_id"] for one in streamed) == ["a", "c"]
    assert f"/v1/files/{batch['output_file_id']}/content" in paths
    assert f"/v1/files/{batch['error_file_id']}/content" not in paths


def test_a_strangers_key_is_turned_away(dw: Dw, tmp_path: Path, server: Server) -> None:
    (tmp_path / ".dw" / "credentials.toml").write_text(
        '[accounts.default]\ninference_key = "sk-wrong"\n', encoding="utf-8"
    )

    said = dw("files", "list", status=1)

    assert "Not authenticated" in said
    assert server.exchanges() == [("GET", "/v1/files", 401)]
