"""One call in a process of its own: `python -m tests.engine.another` with its options as JSON; prints the answers.

``{"folder": …, "base_url": …, "values": [text, …], "fork": bool, "most": int}``: with ``fork`` the
process forks after the import, and parent and child make the call at the same time.
"""

import json
import os
import sys
from pathlib import Path

import pandas as pd

from dwbatch.call import prepare
from dwbatch.engine.clock import Pace
from dwbatch.given import read_options
from dwbatch.sending import Means, carry_out

HASTE = Pace(first_poll_s=0.05, slowest_poll_s=0.05, settle_s=0.0, grace_s=0.0)


def main(given: str) -> None:
    """Make the call and print status and answer of every row."""
    asked = json.loads(given)
    if asked.get("fork"):
        os.fork()
    options = {
        "model": "m",
        "base_url": asked["base_url"],
        "checkpoint": Path(asked["folder"]),
        "max_requests_per_batch": asked.get("most", 50),
    }
    frame = pd.DataFrame({"text": asked["values"]})
    call = prepare(frame, "Say {text}", read_options(options, call="run"))
    out, _ = carry_out(call, Means(pace=HASTE, workers=1))
    told = out[["response", "response_status"]].astype(object)
    sys.stdout.write(json.dumps(told.where(told.notna(), None).to_numpy().tolist()) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
