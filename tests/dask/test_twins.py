"""The calls of the module take Dask frames too, once the Dask door is imported."""

import subprocess
import sys

import dwbatch
from dwbatch.local import Server
from tests.api.calling import usual
from tests.dask.calling import SAY, frame, parted

LACKS_DOOR = """
import dask.dataframe, pandas, dwbatch
frame = dask.dataframe.from_pandas(pandas.DataFrame({"text": ["a"]}), npartitions=1)
try:
    dwbatch.run(frame, "{text}", model="m")
except dwbatch.InputError as error:
    print(error)
"""


def test_the_twins_of_the_module_take_dask_frames(server: Server) -> None:
    parts = parted(frame("a", "b"))

    shown = dwbatch.preview(parts, SAY, rows=1, **usual(server))
    counted = dwbatch.plan(parts, SAY, **usual(server))
    priced = dwbatch.estimate(parts, SAY, **usual(server))
    job = dwbatch.submit(parts, SAY, **usual(server))
    out = dwbatch.run(parts, SAY, **usual(server))
    vectors = dwbatch.embed(parts, "text", dimensions=4, **usual(server))

    assert (len(shown), counted.new, priced.plan.requests) == (1, 2, 2)
    assert job.result(progress=False).npartitions == 2
    assert out.compute()["response"].tolist() == ["echo: say a", "echo: say b"]
    assert vectors.compute()["embedding_status"].tolist() == ["ok", "ok"]
    assert len(server.ledger()) == 4


def test_a_dask_frame_without_its_door_is_told_what_to_import() -> None:
    told = subprocess.run(
        [sys.executable, "-c", LACKS_DOOR], capture_output=True, text=True, check=True, timeout=120
    )

    assert "import dwbatch.dask" in told.stdout
