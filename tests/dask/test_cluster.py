"""On a cluster the workers move the bytes, and the client alone buys."""

import sys
from pathlib import Path
from typing import Any

import cloudpickle
import pandas as pd
import pytest
import requests
from distributed import Client

import dwbatch
from dwbatch.checkpoint.shard import Shard
from dwbatch.dask.calling import prepare
from dwbatch.dask.carrying import carry_out
from dwbatch.dask.cluster import ClusterPorter
from dwbatch.dask.errand import Where
from dwbatch.dask.keys import PLUGIN, KeyPlugin
from dwbatch.engine.desk import Desk
from dwbatch.engine.goal import Step
from dwbatch.given import read_options
from dwbatch.local import Server
from dwbatch.opening import Means
from tests.api.calling import posts, usual
from tests.dask.calling import SAY, Watched, billed_once, frame, parted, run

KEY = "sk-invented-key-of-nobody"


class Twice(ClusterPorter):
    """Has every errand run by two workers at the same time, as work stealing may."""

    def __init__(self, cluster: Client) -> None:
        super().__init__(cluster)
        self.twins: list[Any] = []

    def _send(self, step: Step, shard: Shard, desk: Desk, where: Where) -> Any:
        self.twins.append(super()._send(step, shard, desk, where))
        return super()._send(step, shard, desk, where)


@pytest.mark.promise
@pytest.mark.usefixtures("client")
def test_workers_give_the_frame_of_pandas_and_every_request_is_billed_once(server: Server) -> None:
    rows = frame(*"abcdefg", None, *"abc")
    asked = {"max_requests_per_batch": 2, "dedupe": True}

    out = run(server, parted(rows), **asked)

    once = billed_once(server, 7)
    expected = dwbatch.run(rows, SAY, **usual(server) | asked | {"checkpoint": "other"})
    pd.testing.assert_frame_equal(out.compute(), expected)
    assert once
    assert posts(server).count("/files") == 4


def test_uploads_and_fetches_are_made_by_workers(server: Server, client: Client) -> None:
    porter = Watched(client)
    call = prepare(parted(frame(*"abcd")), SAY, read_options(usual(server), call="run"))

    carry_out(call, Means(porter=porter))

    assert [b"dwbatch-upload-00001" in porter.graphs[0], b"dwbatch-fetch-00001" in porter.graphs[1]] == [
        True
    ] * 2


@pytest.mark.usefixtures("client")
def test_a_row_that_the_server_refuses_costs_its_row_alone(server: Server) -> None:
    server.faults.reply(
        "POST", "/files", status=400, body={"error": {"message": "Line 2 is not what it should be"}}
    )

    out = run(server, parted(frame(*"abc"))).compute()

    assert out["response_status"].tolist() == ["ok", "failed", "ok"]


def test_an_errand_that_runs_twice_at_the_same_time_is_billed_once(server: Server, client: Client) -> None:
    asked = {**usual(server), "max_requests_per_batch": 2}
    call = prepare(parted(frame(*"abcdef")), SAY, read_options(asked, call="run"))

    twice = Twice(client)

    out = carry_out(call, Means(porter=twice))

    assert [type(each).__name__ for each in client.gather(twice.twins)] == ["Report"] * 6
    # Each looks for the file of its shard before it sends one.
    assert [path for _, path, _ in server.exchanges()].count("/v1/files") > 2 * 3
    assert out.compute()["response"].tolist() == [f"echo: say {text}" for text in "abcdef"]
    assert billed_once(server, 6)


@pytest.mark.promise
def test_the_key_is_in_no_graph_no_pickle_and_no_log(client: Client) -> None:
    client.register_plugin(KeyPlugin(KEY))
    porter = Watched(client)
    with Server(keys=[KEY]) as server:
        options = read_options({**usual(server), "api_key": KEY}, call="run")
        out = carry_out(prepare(parted(frame(*"abcd")), SAY, options), Means(porter=porter))
        computed = out.compute()
    client.unregister_worker_plugin(PLUGIN)

    logs = str(client.get_worker_logs()) + str(client.get_scheduler_logs())
    seen = [*porter.graphs, cloudpickle.dumps(out), cloudpickle.dumps(dict(out.__dask_graph__()))]
    assert computed["response_status"].tolist() == ["ok"] * 4
    assert len(porter.graphs) == 2
    assert not any(KEY.encode() in each for each in seen)
    assert KEY not in logs + repr(KeyPlugin(KEY))


@pytest.mark.usefixtures("client")
def test_workers_without_the_key_are_named_before_anything_is_sent() -> None:
    with Server(keys=[KEY]) as server:
        with pytest.raises(dwbatch.CredentialsError, match=r"The worker tcp://.* has no key"):
            run(server, parted(frame("a")), api_key=KEY)

        assert posts(server) == []


@pytest.mark.skipif(
    sys.platform != "linux", reason="only /proc shows each process another folder under one name"
)
@pytest.mark.usefixtures("client")
def test_workers_that_do_not_see_the_folder_are_named_before_anything_is_sent(server: Server) -> None:
    with pytest.raises(dwbatch.CheckpointError, match=r"the worker tcp://.* does not see the folder"):
        run(server, parted(frame("a")), checkpoint=str(Path("/proc/self/cwd/job")))

    assert posts(server) == []


@pytest.mark.usefixtures("client")
def test_a_session_is_refused_since_no_worker_has_it(server: Server) -> None:
    with pytest.raises(dwbatch.InputError, match="stays on this machine"):
        run(server, parted(frame("a")), session=requests.Session())
