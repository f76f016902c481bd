"""A ready request file: bought once, cut by both limits, and answered line by line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

import dwbatch
from dwbatch.errors import CostLimitError, InputError, UnknownParameterError
from dwbatch.local import Server
from tests.api.calling import batches, files, posts
from tests.cli.calling import line


def written(*lines: str, name: str = "requests.jsonl") -> Path:
    path = Path(name).absolute()
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def submit(server: Server, path: Path, **options: Any) -> dwbatch.Job:
    usual = {"base_url": server.base_url, "checkpoint": "job", "progress": False, "poll_interval": 0.02}
    return dwbatch.submit_jsonl(path, **{**usual, **options})


def test_a_file_is_bought_and_answered_by_its_own_custom_ids(server: Server) -> None:
    path = written(line("b", "one"), "", line("a", "two"))

    out = submit(server, path).result(progress=False)

    assert out[["custom_id", "response", "response_status"]].to_numpy().tolist() == [
        ["b", "echo: one", "ok"],
        ["a", "echo: two", "ok"],
    ]
    assert sorted(bill.custom_id for bill in server.ledger()) == ["a", "b"]


def test_the_same_file_again_buys_nothing_and_a_longer_one_the_rest(server: Server) -> None:
    lines = [line("a", "one"), line("b", "two")]
    submit(server, written(*lines)).result(progress=False)
    before = posts(server)

    submit(server, written(*lines)).result(progress=False)
    again = posts(server)
    submit(server, written(line("c", "new"), *lines)).result(progress=False)

    assert again == before
    assert sorted(bill.custom_id for bill in server.ledger()) == ["a", "b", "c"]


@pytest.mark.promise
@pytest.mark.only_doubleword("OpenAI estimates no cost, and without an estimate a limit stops all")
def test_a_file_is_bought_only_within_the_limit(server: Server) -> None:
    path = written(line("a", "one"), line("b", "two"))

    with pytest.raises(CostLimitError):
        submit(server, path, max_cost="0.000000001")
    refused = posts(server)
    out = submit(server, path, max_cost=1).result(progress=False)

    assert refused == ["/files"]
    assert posts(server).count("/files") == 1
    assert out["response_status"].tolist() == ["ok", "ok"]


def test_a_file_that_asks_for_vectors_is_answered_with_vectors(server: Server) -> None:
    asks = {
        "custom_id": "a",
        "method": "POST",
        "url": "/v1/embeddings",
        "body": {"model": "m", "input": "one"},
    }

    out = submit(server, written(json.dumps(asks))).result(progress=False)

    assert out["response_status"].tolist() == ["ok"]
    assert out["response"].item().dtype == np.float32


def test_keys_in_another_order_are_the_same_request(server: Server) -> None:
    submit(server, written(line("a", "one"))).result(progress=False)
    said = json.loads(line("a", "one"))
    turned = json.dumps({**said, "body": dict(reversed(said["body"].items()))}, indent=None)

    out = submit(server, written(turned)).result(progress=False)

    assert (out["response"].tolist(), len(server.ledger())) == (["echo: one"], 1)


@pytest.mark.parametrize(("dedupe", "bought"), [(None, 3), (False, 3), (True, 2)])
def test_equal_bodies_are_requests_of_their_own_unless_it_is_said(
    server: Server, *, dedupe: bool | None, bought: int
) -> None:
    path = written(line("a", "same"), line("b", "other"), line("c", "same"))

    out = submit(server, path, dedupe=dedupe).result(progress=False)

    assert out["response"].tolist() == ["echo: same", "echo: other", "echo: same"]
    assert len(server.ledger()) == bought


def test_a_file_is_cut_by_both_limits(server: Server) -> None:
    path = written(*(line(f"r{number}", "x" * 200) for number in range(5)))

    by_count = submit(server, path, checkpoint="one", edition="1", max_requests_per_batch=2)
    by_bytes = submit(server, path, checkpoint="two", edition="2", max_bytes_per_batch=700)

    assert [len(job.result(progress=False)) for job in (by_count, by_bytes)] == [5, 5]
    assert sorted(by_count.batches()["requests"]) == [1, 2, 2]
    assert sorted(by_bytes.batches()["requests"]) == [1, 2, 2]
    assert sum(file["bytes"] <= 700 for file in files(server)) == 6


def test_each_url_goes_where_it_says(server: Server) -> None:
    path = written(line("a", url="/v1/embeddings", body={"model": "m", "input": "hello"}))

    out = submit(server, path).result(progress=False)

    assert out["response_status"].tolist() == ["ok"]
    assert batches(server)[0]["endpoint"] == "/v1/embeddings"


def test_what_is_sent_says_what_the_file_says(server: Server) -> None:
    said = line('q"1', "one")

    submit(server, written(said)).result(progress=False)

    (file,) = files(server)
    sent = requests.get(f"{server.base_url}/files/{file['id']}/content", timeout=60).content
    assert json.loads(sent) == json.loads(said)


def test_a_file_with_faults_sends_nothing(server: Server) -> None:
    path = written(line("a"), line("a"), "{")

    with pytest.raises(InputError, match=r"(?s)2 faults.*nothing was sent.*line 2: .*line 3: "):
        submit(server, path)

    assert server.exchanges() == []


def test_an_empty_or_absent_file_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no request"):
        submit(server, written(""))
    with pytest.raises(InputError, match="cannot be read"):
        submit(server, tmp_path / "none.jsonl")


def test_what_is_asked_is_no_option(server: Server) -> None:
    with pytest.raises(UnknownParameterError, match="'temperature'"):
        submit(server, written(line()), temperature=0)


def test_a_lost_folder_buys_nothing_twice(server: Server) -> None:
    path = written(line("a", "same"), line("b", "same"), line("c", "other"))
    submit(server, path, checkpoint="here").result(progress=False)

    out = submit(server, path, checkpoint="there").result(progress=False)

    assert out["response"].tolist() == ["echo: same", "echo: same", "echo: other"]
    assert len(server.ledger()) == 3


def test_a_line_that_changes_while_it_is_sent_is_not_sent(server: Server) -> None:
    from dwbatch.given import read_options  # noqa: PLC0415 - only here the two halves of the call are apart
    from dwbatch.job.submitting import submit as submit_call  # noqa: PLC0415 - the same
    from dwbatch.request_files.door import prepared  # noqa: PLC0415 - the same

    path = written(line("a", "one"), line("b", "two"))
    given = {"model": "-", "base_url": server.base_url, "checkpoint": "job", "progress": False}
    call = prepared(path, read_options(given, call="submit_jsonl"))
    written(line("a", "one"), line("b", "TWO"))

    with pytest.raises(dwbatch.DwbatchError, match="'b'"):
        submit_call(call)

    assert batches(server) == []
