"""A process is killed by another at moments that nobody chose, again and again, until one gets to the end."""

import random
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.kills import scene
from tests.kills.orders import REQUESTS, Orders
from tests.kills.scene import Scene

pytestmark = pytest.mark.promise

MOST_KILLS = 3
ANSWER_S = 0.1
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 40))]


@pytest.fixture(scope="module")
def lifetime_s(tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long the call takes that nobody kills, from its first step to its last."""
    with scene.at(tmp_path_factory.mktemp("lifetime"), delay_s=ANSWER_S) as place:
        place.model.may_answer.set()
        with scene.started(quick(place)) as unkilled:
            scene.hear(unkilled, "ready")
            began = time.monotonic()
            scene.outcome(unkilled, quick(place))
            return time.monotonic() - began


def quick(place: Scene) -> Orders:
    """The call as in life: one request a batch, all of them at once."""
    return place.orders(workers=4, options={"max_requests_per_batch": 1})


def killed_after(orders: Orders, seconds: float) -> bool:
    """Whether a call was killed so long after its first step, or came to its end before."""
    with scene.started(orders) as victim:
        scene.hear(victim, "ready")
        try:
            victim.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return True
    assert victim.returncode == 0
    return False


@pytest.mark.parametrize("seed", SEEDS)
def test_a_process_killed_at_random_moments_pays_nothing_twice(
    seed: int, lifetime_s: float, unkilled: pd.DataFrame, tmp_path: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a moment is no secret, and must come again
    moments = [chance.uniform(0, lifetime_s) for _ in range(chance.randint(1, MOST_KILLS))]
    with scene.at(tmp_path, delay_s=ANSWER_S) as here:
        here.model.may_answer.set()
        kills = [(f"{moment:.3f}", killed_after(quick(here), moment)) for moment in moments]
        # pytest shows it where the test fails, and then it is all there is to know.
        print(f"seed {seed}, killed after seconds: {kills}; {scene.states(quick(here).folder)}")  # noqa: T201

        out = scene.finished(quick(here))

        pd.testing.assert_frame_equal(out, unkilled)
        scene.check_bought_once(here, batches=REQUESTS)
        scene.check_tidy(quick(here).folder)
