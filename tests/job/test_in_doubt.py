"""A purchase whose reply was lost, in the hands of a job that only waits: looked up, and never bought."""

from dataclasses import replace
from pathlib import Path

import pytest

from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.connect import find_server
from dwbatch.job.held import Held
from dwbatch.job.job import Job
from dwbatch.job.status import JobState
from dwbatch.local import Server
from dwbatch.opening import Means
from tests.engine.elsewhere import Owner, crash, posts
from tests.engine.world import StillClock
from tests.job.holding import FRAME, Model

pytestmark = pytest.mark.promise


@pytest.mark.parametrize(
    ("dies_before", "state", "bought"),
    [("reply to POST /v1/batches", JobState.DONE, 1), ("POST /v1/batches", JobState.UNCLEAR, 0)],
)
def test_waiting_settles_a_purchase_in_doubt_by_look_up_alone(
    server: Server, model: Model, tmp_path: Path, dies_before: str, state: JobState, bought: int
) -> None:
    model.may_answer.set()
    crash(FRAME, server, tmp_path / "job", dies_before, max_requests_per_batch=50)
    held = Held(Checkpoint(tmp_path / "job"), find_server(server.base_url, None))

    status = Job(replace(held, means=Means(clock=StillClock(Owner(server).until_idle)))).wait(progress=False)

    assert status.state is state
    assert posts(server).count("/batches") == bought
