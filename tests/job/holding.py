"""A model that keeps the slow ones waiting, and jobs at its server."""

import threading
from collections.abc import Callable
from typing import Any

import pandas as pd

import dwbatch
from dwbatch.call import prepare
from dwbatch.engine.clock import Pace
from dwbatch.given import read_options
from dwbatch.job.job import Job
from dwbatch.job.submitting import submit as submit_call
from dwbatch.local import Outcome, Server
from dwbatch.opening import Means
from tests.engine.elsewhere import Owner
from tests.engine.world import StillClock

FRAME = pd.DataFrame({"text": ["quick", "slow", "bad", None, "quick"]}, index=pd.Index([*"vwxy", "v"]))


class Model:
    """Says the prompt again; waits where it says slow, until it is let go; fails where it says bad."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.is_mended = False

    def __call__(self, body: dict[str, Any]) -> str:
        """The prompt again."""
        prompt: str = body["messages"][-1]["content"]
        if "slow" in prompt:
            assert self.may_answer.wait(60)
        return f"echo: {prompt}"

    def outcome(self, _: str, body: dict[str, Any]) -> Outcome | None:
        """Refuse what is bad, until that is mended or more tokens are allowed."""
        is_bad = "bad" in body["messages"][-1]["content"] and not self.is_mended
        return Outcome.status(400) if is_bad and "max_tokens" not in body else None


def options(server: Server, **more: Any) -> dict[str, Any]:
    """Options of a call whose folder is ``job``."""
    return {"model": "m", "base_url": server.base_url, "checkpoint": "job", "progress": False, **more}


def submit(server: Server, frame: pd.DataFrame = FRAME, **more: Any) -> Job:
    """A job of the frame, bought and left alone."""
    return dwbatch.submit(frame, "Say {text}", **options(server, **more))


def still(
    server: Server, frame: pd.DataFrame = FRAME, *, meanwhile: Callable[[], None] | None = None, **more: Any
) -> Job:
    """The same, but its time passes only by waiting, and at once."""
    clock = StillClock(meanwhile or Owner(server).until_idle)
    call = prepare(frame, "Say {text}", read_options(options(server, **more), call="submit"))
    return submit_call(call, means=Means(clock=clock, pace=Pace(), workers=1))


def until_answered(server: Server, count: int) -> None:
    """Wait until so many requests have ended."""
    owner = Owner(server)

    def ended() -> bool:
        counts = [batch["request_counts"] for batch in owner.batches()]
        return bool(sum(each["completed"] + each["failed"] for each in counts) >= count)

    server.wait_until(ended)
