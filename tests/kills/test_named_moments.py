"""A process is killed at each step of a shard's way; a fresh one with the same call finishes the job."""

from collections import Counter

import pandas as pd
import pytest

from dwbatch.call import prepare
from dwbatch.given import read_options
from dwbatch.sending import carry_out
from tests.kills import scene
from tests.kills.orders import FRAME, PROMPT
from tests.kills.scene import BOUGHT, LEDGER, POLLING, UPLOADED, Scene

pytestmark = pytest.mark.promise

WRITTEN = ("renamed results/*",) * 2

# The model does not answer before the kill, so the first shard stays SUBMITTED and the second one dies.
WHILE_BUYING = {
    "half of the requests on disk": (("half of requests/00002.parquet",), []),
    "half of the plan on disk": ((f"half of {LEDGER}",), []),
    "half of a request file on disk": (("half of uploads/00002.jsonl",), ["SUBMITTED", "PLANNED"]),
    "half of an upload sent": (("half of POST /files",) * 2, ["SUBMITTED", "PLANNED"]),
    "uploaded, and the reply not read": (UPLOADED, ["SUBMITTED", "PLANNED"]),
    "uploaded, and half recorded": ((*UPLOADED, f"half of {LEDGER}"), ["SUBMITTED", "PLANNED"]),
    "uploaded, and half of the intent on disk": (
        (*UPLOADED, f"renamed {LEDGER}", f"half of {LEDGER}"),
        ["SUBMITTED", "UPLOADED"],
    ),
    "intent on disk, and nothing sent": (("ask POST /batches",) * 2, ["SUBMITTED", "SUBMITTING"]),
    "bought, and the reply not read": (BOUGHT, ["SUBMITTED", "SUBMITTING"]),
    "bought, and half recorded": ((*BOUGHT, f"half of {LEDGER}"), ["SUBMITTED", "SUBMITTING"]),
    "bought and recorded, the folder not synced": (
        (*BOUGHT, f"renamed {LEDGER}"),
        ["SUBMITTED", "SUBMITTED"],
    ),
    "polling": (POLLING, ["SUBMITTED", "SUBMITTED"]),
}

# Either shard may be first; the other one dies, or has not even been bought.
WHILE_FETCHING = {
    "half of the first download": (("half of GET /files/*/content",), ["ENDED"]),
    "half of the second download": (("half of GET /files/*/content",) * 2, ["ENDED", "FETCHED"]),
    "half of the results on disk": (("half of results/*",) * 2, ["ENDED", "FETCHED"]),
    "results on disk, the folder not synced": (WRITTEN, ["ENDED", "FETCHED"]),
    "results on disk, and half recorded": ((*WRITTEN, f"half of {LEDGER}"), ["ENDED", "FETCHED"]),
    "everything on disk, and no frame": ((*WRITTEN, f"renamed {LEDGER}"), ["FETCHED", "FETCHED"]),
}


@pytest.mark.parametrize(("fuse", "left"), WHILE_BUYING.values(), ids=WHILE_BUYING.keys())
def test_a_process_killed_while_buying_is_resumed_and_pays_nothing_twice(
    here: Scene, unkilled: pd.DataFrame, fuse: tuple[str, ...], left: list[str]
) -> None:
    orders = here.orders()
    scene.killed(here.orders(fuse=fuse))
    assert scene.states(orders.folder) == left
    here.model.may_answer.set()

    out = scene.finished(orders)

    pd.testing.assert_frame_equal(out, unkilled)
    scene.check_bought_once(here)
    scene.check_tidy(orders.folder)


@pytest.mark.parametrize(("fuse", "left"), WHILE_FETCHING.values(), ids=WHILE_FETCHING.keys())
def test_a_process_killed_while_fetching_is_resumed_and_fetches_nothing_twice(
    here: Scene, unkilled: pd.DataFrame, fuse: tuple[str, ...], left: list[str]
) -> None:
    orders = here.orders()
    here.model.may_answer.set()
    scene.killed(here.orders(fuse=fuse))
    assert Counter(left) <= Counter(scene.states(orders.folder))
    fetched, before = scene.fetched_files(orders.folder), len(here.server.exchanges())

    out = scene.finished(orders)

    pd.testing.assert_frame_equal(out, unkilled)
    assert fetched.isdisjoint(path for _, path, _ in here.server.exchanges()[before:])
    scene.check_bought_once(here)
    scene.check_tidy(orders.folder)


@pytest.mark.both_dialects
def test_a_call_of_fewer_rows_buys_and_leaves_nothing_of_what_the_dead_one_had_begun(here: Scene) -> None:
    orders = here.orders()
    scene.killed(here.orders(fuse=("half of uploads/00002.jsonl",)))
    here.model.may_answer.set()
    options = read_options(orders.all_options(), call="run")

    out, _ = carry_out(prepare(FRAME.head(2), PROMPT, options))

    assert out["response_status"].tolist() == ["ok", "ok"]
    assert scene.states(orders.folder) == ["FETCHED", "DROPPED"]
    assert here.statuses() == ["completed"]
    scene.check_tidy(orders.folder)


def test_the_frame_of_a_job_that_is_left_alone_is_the_one_expected(unkilled: pd.DataFrame) -> None:
    assert unkilled.index.tolist() == [7, 7, 3, 7, 0]
    assert unkilled["response"].str[:10].tolist() == [
        "SAY FIRST ",
        "SAY SECOND",
        pd.NA,
        "SAY THIRD",
        "SAY FOURTH",
    ]
    assert unkilled["response_status"].tolist() == ["ok", "ok", "skipped", "ok", "ok"]
